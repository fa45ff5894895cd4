import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runInProcess } from '../support/command-line.js';
import {
  expectEchoes,
  setTwoDeployments,
  startLoad,
  type TwoDeployments,
} from '../support/two-deployments.js';
import { waitFor } from '../support/wait.js';

const phaseOf = async ({ account }: TwoDeployments, database: TwoDeployments['source']) =>
  (
    await database.rows<{ phase: string }>('select phase from wechat.account_move where app_id = $1', [
      account.appId,
    ])
  )[0]?.phase;

const countOf = async (database: TwoDeployments['source'], table: string) =>
  (await database.rows<{ n: number }>(`select count(*)::int as n from wechat.${table}`))[0]?.n;

test('an account moves under load: nothing is lost, repeated or out of order', {
  timeout: 120_000,
}, async () => {
  const two = await setTwoDeployments();
  const load = startLoad(two, 12);
  await waitFor('some history', () => two.simulator.delivered.length > 60);
  const { code, out, err } = await runInProcess(two.args('--switch', two.switchCommand), two.settings);
  expect(err).toBe('');
  expect(out.match(/^\d\/6/gm)).toEqual(['1/6', '2/6', '3/6', '4/6', '5/6', '6/6']);
  expect(code).toBe(0);
  await sleep(1_000);
  const written = await load.stop();
  await expectEchoes(two, written);

  // All of it is at the target, with what belongs to it, and the source has none of it.
  const total = [...written.values()].flat().length;
  const kinds = await two.target.rows<{ messages: number; deliveries: number; attempts: number }>(
    `select count(*)::int as messages, count(d.id)::int as deliveries, count(a.delivery_id)::int as attempts
     from wechat.inbound_message m left join wechat.delivery d on d.message_id = m.id
     left join wechat.delivery_attempt a on a.delivery_id = d.id`,
  );
  expect(kinds).toEqual([{ messages: total, deliveries: total, attempts: total }]);
  for (const table of [
    'inbound_message',
    'delivery',
    'delivery_attempt',
    'lane',
    'credential',
    'account_pause',
  ])
    expect([table, await countOf(two.source, table)]).toEqual([table, 0]);
  expect([await phaseOf(two, two.source), await phaseOf(two, two.target)]).toEqual(['gone', 'open']);
  // One token, renewed by one side at a time.
  expect(two.simulator.calls.filter(({ path }) => path === '/cgi-bin/stable_token')).toHaveLength(1);
  // Ids follow the order of arrival, over both databases.
  const [order] = await two.target.rows<{ wrong: number }>(
    `select count(*)::int as wrong from (
       select split_part(content, ' ', 2)::int as n,
         lag(split_part(content, ' ', 2)::int) over (partition by openid order by id) as before
       from wechat.inbound_message) m where before is not null and before >= n`,
  );
  expect(order?.wrong).toBe(0);
});

test('a move that is called off leaves all at the source, and what came to the target comes back', {
  timeout: 240_000,
}, async () => {
  const two = await setTwoDeployments();
  const load = startLoad(two, 6);
  await waitFor('some history', () => two.simulator.delivered.length > 20);
  const { out } = await runInProcess(two.args(), two.settings);
  expect(out).toContain('run the same with --switched');
  expect([await phaseOf(two, two.source), await phaseOf(two, two.target)]).toEqual(['held', 'filling']);
  two.router.switchTo(two.atTarget.webhookUrl);
  await waitFor('pushes at the target', async () => ((await countOf(two.target, 'lane')) ?? 0) > 3);
  await sleep(500);
  two.router.switchTo(two.atSource.webhookUrl);
  const aborted = await runInProcess(two.args('--abort'), two.settings);
  expect(aborted).toMatchObject({ code: 0, err: '' });
  await sleep(500);
  await expectEchoes(two, await load.stop());
  expect([await phaseOf(two, two.source), await phaseOf(two, two.target)]).toEqual([undefined, 'gone']);
  expect(await countOf(two.target, 'inbound_message')).toBe(0);
  expect(await countOf(two.target, 'delivery')).toBe(0);

  // And the same move may begin anew, and come to its end.
  two.router.switchTo(two.atTarget.webhookUrl);
  expect(await runInProcess(two.args('--switched'), two.settings)).toMatchObject({ code: 0, err: '' });
  expect([await phaseOf(two, two.source), await phaseOf(two, two.target)]).toEqual(['gone', 'open']);
});

test('where pushes still come to the source nothing is closed, and the command says so', {
  timeout: 240_000,
}, async () => {
  const two = await setTwoDeployments();
  const load = startLoad(two, 6, 5);
  expect(await runInProcess(two.args('--switched'), two.settings)).toMatchObject({
    code: 1,
    err: expect.stringContaining('still come to the source'),
  });
  expect([await phaseOf(two, two.source), await phaseOf(two, two.target)]).toEqual(['held', 'filling']);
  two.router.switchTo(two.atTarget.webhookUrl);
  expect(await runInProcess(two.args('--switched'), two.settings)).toMatchObject({ code: 0, err: '' });
  await expectEchoes(two, await load.stop());
});
