import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createArrive } from '../../src/outbox/arrive.js';
import type { Replies } from '../../src/replies/router.js';
import { textMessage } from '../support/messages.js';
import { newAccount, type TestAccount } from '../support/service.js';
import { setStage, settled } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

/** The settings of a service for these accounts, with their secrets beside the file. */
function settingsFor(
  accounts: readonly (TestAccount & { name?: string; sendRate?: number; windows?: Record<string, string> })[],
): Record<string, string> {
  const directory = scratchDirectory();
  const entries = accounts.map(({ appId, appSecret, token, ...more }) => {
    writeFileSync(path.join(directory, appId), appSecret);
    writeFileSync(path.join(directory, `${appId}.token`), token);
    return { appId, appSecret: { file: appId }, token: { file: `${appId}.token` }, ...more };
  });
  const file = path.join(directory, 'accounts.json');
  writeFileSync(file, JSON.stringify({ accounts: entries }));
  return { ACCOUNTS_FILE: file, WECHAT_APP_ID: '', WECHAT_APP_SECRET: '', WECHAT_TOKEN: '' };
}

async function stageOfTwo() {
  const other = newAccount();
  const stage = await setStage({ moreAccounts: [other] });
  const { account, simulator } = stage;
  const settings = settingsFor([account, { ...other, windows: { message: '2/1h' }, name: '另一个号' }]);
  const replies: Replies = ({ message, account: { appId, name } }) =>
    message.kind === 'text'
      ? ['1', '2', '3'].map((number) => `${message.content} ${number} ${appId} ${name}`)
      : [];
  const start = async () => {
    const service = await stage.start({ replies, settings });
    const base = `http://127.0.0.1:${service.webhookPort}/wechat`;
    simulator.setWebhookUrl(`${base}/${account.appId}`, account.appId);
    simulator.setWebhookUrl(`${base}/${other.appId}`, other.appId);
    return service;
  };
  return { ...stage, other, start };
}

test('two accounts with the same openid and the same MsgId are kept apart', async () => {
  const { account, other, simulator, database, start } = await stageOfTwo();
  await start();
  // So that the other may write to them; then the very same body, pushed by both.
  await simulator.user('oSame', other.appId).subscribe();
  const push = await simulator.user('oSame', account.appId).say('hello');
  await simulator.user('oSame', other.appId).resend(push);
  await settled(database, 3);
  const stored = await database.rows(
    `select app_id, openid, payload ->> 'MsgId' as msg_id, window_quota from wechat.inbound_message
     where msg_type = 'text' order by id`,
  );
  const keys = await database.rows<{ dedupe_key: string }>(
    `select dedupe_key from wechat.inbound_message where msg_type = 'text'`,
  );
  expect(new Set(keys.map(({ dedupe_key }) => dedupe_key)).size).toBe(1);
  const msgId = stored[0]?.msg_id;
  expect(stored).toEqual([
    { app_id: account.appId, openid: 'oSame', msg_id: msgId, window_quota: 5 },
    { app_id: other.appId, openid: 'oSame', msg_id: msgId, window_quota: 2 },
  ]);
  const texts = (appId: string) => simulator.inboxOf('oSame', appId).map(({ text }) => text);
  expect(texts(account.appId)).toEqual(
    ['1', '2', '3'].map((number) => `hello ${number} ${account.appId} 本公众号`),
  );
  // The other's window is narrower: the last message says that more was cut.
  expect(texts(other.appId)).toEqual([
    `hello 1 ${other.appId} 另一个号`,
    expect.stringMatching(`^hello 2 ${other.appId} 另一个号……`),
  ]);
  expect(await database.rows('select app_id from wechat.credential order by app_id')).toEqual(
    [account.appId, other.appId].sort().map((app_id) => ({ app_id })),
  );
});

test('a push that is signed with another account’s token is refused', async () => {
  const other = { ...newAccount(), token: 'anothertoken' };
  const { account, simulator, database, start } = await setStage({ moreAccounts: [other] });
  const { webhookPort } = await start({ settings: settingsFor([account, other]) });
  simulator.setWebhookUrl(`http://127.0.0.1:${webhookPort}/wechat/${account.appId}`, other.appId);
  const { tries } = await simulator.user('oUser', other.appId).say('hello');
  expect(tries[0]?.status).toBe(403);
  expect(await database.rows('select from wechat.inbound_message')).toEqual([]);
});

test('the pause of one account leaves the other alone', async () => {
  const { account, other, simulator, database, start } = await stageOfTwo();
  await start();
  simulator.faults.add({ appId: account.appId, times: 10, fault: { errcode: 40164 } });
  await simulator.user('oUser', account.appId).say('hello');
  await waitFor(
    'the pause',
    async () => (await database.rows('select from wechat.account_pause')).length === 1,
  );
  await simulator.user('oUser', other.appId).say('hello');
  await simulator.waitForDelivered({ openid: 'oUser', appId: other.appId, count: 2 });
  expect(simulator.inboxOf('oUser', account.appId)).toEqual([]);
  simulator.faults.clear();
  await database.pool.query('select wechat.resume($1)', [account.appId]);
  await simulator.waitForDelivered({ openid: 'oUser', appId: account.appId, count: 3 });
});

test('an account whose users wait by the thousand, because it may send but one message a second, holds up no other', async () => {
  const other = newAccount();
  const { account, simulator, database, start } = await setStage({ moreAccounts: [other] });
  const arrive = createArrive(database.pool);
  for (let group = 0; group < 60; group += 1) {
    const messages = Array.from({ length: 50 }, (_, n) => textMessage({ openid: `oSlow${group}-${n}` }));
    await arrive(messages.map((message) => ({ appId: account.appId, ordered: true, message })));
  }
  const { webhookPort } = await start({
    replies: () => 'answer',
    settings: settingsFor([{ ...account, sendRate: 1 }, other]),
  });
  simulator.setWebhookUrl(`http://127.0.0.1:${webhookPort}/wechat/${other.appId}`, other.appId);
  await simulator.user('oQuick', other.appId).say('hello');
  await simulator.waitForDelivered({ openid: 'oQuick', appId: other.appId, count: 1 });
  const [slow] = await database.rows<{ answered: number }>(
    `select count(*)::int as answered from wechat.delivery where app_id = $1 and status = 'sent'`,
    [account.appId],
  );
  expect(slow?.answered).toBeLessThan(30);
});

test('an account whose reply logic hangs holds up no other', async () => {
  const other = newAccount();
  const { account, simulator, start } = await setStage({ moreAccounts: [other] });
  let hanging = 0;
  const { webhookPort } = await start({
    replies: ({ account: { appId } }) => {
      if (appId === other.appId) return 'answer';
      hanging += 1;
      return new Promise<never>(() => undefined);
    },
    settings: { ...settingsFor([account, other]), REPLY_CONCURRENCY: '2', SHUTDOWN_GRACE: '1' },
  });
  for (const { appId } of [account, other])
    simulator.setWebhookUrl(`http://127.0.0.1:${webhookPort}/wechat/${appId}`, appId);
  for (const openid of ['oFirst', 'oSecond', 'oThird'])
    await simulator.user(openid, account.appId).say('hello');
  await waitFor('all that it may run hangs', () => hanging === 2);
  await simulator.user('oQuick', other.appId).say('hello');
  await simulator.waitForDelivered({ openid: 'oQuick', appId: other.appId, count: 1 });
  expect(hanging).toBe(2);
});

test('a token that ends for one account is renewed for that one alone', async () => {
  const { account, other, simulator, database, start } = await stageOfTwo();
  await start();
  for (const { appId } of [account, other]) await simulator.user('oUser', appId).say('hello');
  await settled(database, 2);
  const before = simulator.tokens.current(other.appId);
  simulator.tokens.expire(account.appId);
  for (const { appId } of [account, other]) await simulator.user('oUser', appId).say('again');
  await settled(database, 4);
  expect(simulator.tokens.current(other.appId)).toBe(before);
  expect(simulator.tokens.issued).toBe(3);
});
