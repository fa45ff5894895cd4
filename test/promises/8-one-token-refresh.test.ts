import { expect, test } from 'vitest';
import { setStage, settled } from '../support/stage.js';
import { tokenCalls, tokensOfAnotherProcess } from '../support/tokens.js';

test('the access token is asked for once when twenty workers start with an expired one', async () => {
  const stage = await setStage();
  await stage.database.pool.query(
    `insert into wechat.credential (app_id, kind, value, expires_at) values ($1, 'access_token', 'old', now() - interval '1 hour')`,
    [stage.account.appId],
  );
  stage.simulator.faults.add({ path: '/cgi-bin/stable_token', fault: { delayMs: 300 } });
  const values = await Promise.all(
    Array.from({ length: 20 }, () => tokensOfAnotherProcess(stage).get(stage.account)),
  );
  expect(tokenCalls(stage)).toBe(1);
  expect(new Set(values)).toEqual(new Set([stage.simulator.tokens.current(stage.account.appId)]));
  expect(await stage.database.rows('select version from wechat.credential')).toEqual([{ version: '2' }]);
});

test('a token that WeChat refuses a hundred times at once, in four processes, is renewed once', async () => {
  const stage = await setStage();
  const workers = Array.from({ length: 4 }, () => tokensOfAnotherProcess(stage));
  const [failed] = await Promise.all(workers.map((tokens) => tokens.get(stage.account)));
  stage.simulator.tokens.expire(stage.account.appId);
  const renewed = await Promise.all(
    Array.from({ length: 100 }, (_, index) => workers[index % 4]?.replace(stage.account, failed ?? '')),
  );
  expect(new Set(renewed)).toEqual(new Set([stage.simulator.tokens.current(stage.account.appId)]));
  expect(tokenCalls(stage)).toBe(2);
});

test('a reply refused for its token is sent again at once with a new one, without a counted failure', async () => {
  const stage = await setStage();
  const { simulator, database, account, start } = stage;
  await start();
  await simulator.user('oUser').say('one');
  await simulator.waitForDelivered('oUser', 1);
  simulator.tokens.expire(account.appId);
  await simulator.user('oUser').say('two');
  await simulator.waitForDelivered('oUser', 2);
  await settled(database, 2);
  expect(
    await database.rows(
      `select a.attempt, a.outcome, a.errcode, d.failures from wechat.delivery d
       join wechat.delivery_attempt a on a.delivery_id = d.id
       where d.id = (select max(id) from wechat.delivery) order by a.attempt`,
    ),
  ).toEqual([
    { attempt: 1, outcome: 'token', errcode: 40001, failures: 0 },
    { attempt: 2, outcome: 'sent', errcode: 0, failures: 0 },
  ]);
});
