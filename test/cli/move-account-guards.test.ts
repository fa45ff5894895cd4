import { expect, test } from 'vitest';
import { createCredentialStore } from '../../src/accounts/credential-store.js';
import { createKysely } from '../../src/db/kysely.js';
import { runInProcess } from '../support/command-line.js';
import { setTwoDeployments, type TwoDeployments } from '../support/two-deployments.js';
import { waitFor } from '../support/wait.js';

const moves = (appId: string) => new RegExp(`account ${appId} moves`);

async function heldAtBothSides(): Promise<TwoDeployments> {
  const two = await setTwoDeployments();
  await two.simulator.user('oUser').say('before');
  await two.simulator.waitForDelivered('oUser', 1);
  expect(await runInProcess(two.args(), two.settings)).toMatchObject({ code: 0, err: '' });
  return two;
}

test('while an account is held its pause stays, nobody claims, and operators are told why', {
  timeout: 120_000,
}, async () => {
  const { account, simulator, source, target } = await heldAtBothSides();
  for (const { pool } of [source, target]) {
    await expect(pool.query('select wechat.resume($1)', [account.appId])).rejects.toThrow(
      moves(account.appId),
    );
    await expect(pool.query('select wechat.pause($1)', [account.appId])).rejects.toThrow(
      moves(account.appId),
    );
  }
  await expect(
    pool(
      source,
      `select wechat.send('${account.appId}', 'oUser', '{"msgtype":"text","text":{"content":"x"}}')`,
    ),
  ).rejects.toThrow(moves(account.appId));
  await expect(pool(source, `select wechat.take_over('${account.appId}', 'oUser', 'anna')`)).rejects.toThrow(
    moves(account.appId),
  );
  await expect(pool(source, `select wechat.forget('${account.appId}', 'oUser')`)).rejects.toThrow(
    moves(account.appId),
  );
  // Even by hand.
  await simulator.user('oUser').say('held');
  const [worker] = await source.rows<{ id: number }>('select id from wechat.worker_process limit 1');
  const claimed = await source.pool.query(
    'update wechat.lane set claim = 1, worker_id = $1, claimed_at = now()',
    [worker?.id],
  );
  expect(claimed.rowCount).toBe(0);
  expect(await source.rows('select status from wechat.inbound_message order by id')).toEqual([
    { status: 'settled' },
    { status: 'received' },
  ]);
  // Others are none of its business.
  await source.pool.query(`select wechat.pause('wxOther'), wechat.resume('wxOther')`);
});

const pool = ({ pool }: TwoDeployments['source'], text: string) => pool.query(text);

test('after the move the source takes no push and renews no token, and what WeChat repeats at the target is stored once', {
  timeout: 120_000,
}, async () => {
  const two = await heldAtBothSides();
  const { account, simulator, source, target, atSource, atTarget, router } = two;
  await simulator.user('oUser').say('stored at the source');
  // The same push at the other side, as if its answer had been lost.
  await source.pool.query('select 1');
  const [stored] = await source.rows<{ payload: unknown }>(
    `select to_jsonb(m) as payload from wechat.inbound_message m where content = 'stored at the source'`,
  );
  await target.pool.query(
    `with lane as (
       insert into wechat.lane (app_id, openid, arrivals, waiting, done_id)
       values ($1, 'oUser', 1, 1, nextval('wechat.inbound_message_id_seq'))
     )
     insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, content, payload, created_at, window_ends_at, window_quota)
     select app_id, openid, dedupe_key, msg_type, content, payload, created_at, window_ends_at, window_quota
     from jsonb_populate_record(null::wechat.inbound_message, $2)`,
    [account.appId, JSON.stringify(stored?.payload)],
  );
  router.switchTo(atTarget.webhookUrl);
  expect(await runInProcess(two.args('--switched'), two.settings)).toMatchObject({ code: 0, err: '' });
  await waitFor('its answer', () => simulator.inboxOf('oUser').length === 2);
  await simulator.user('oUser').say('after');
  await waitFor('the next answer', () => simulator.inboxOf('oUser').length === 3);
  expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual([
    'before',
    'stored at the source',
    'after',
  ]);

  simulator.setWebhookUrl(atSource.webhookUrl);
  const { outcome } = await simulator.user('oUser').say('too late');
  expect(outcome).toBe('notice');
  expect(await source.rows('select id from wechat.inbound_message')).toEqual([]);
  const store = createCredentialStore(createKysely(source.pool));
  const renewal = store.renew(account.appId, 'access_token', {
    isGood: () => false,
    fetch: () => Promise.reject(new Error('WeChat was asked')),
  });
  await expect(renewal).rejects.toThrow(moves(account.appId));

  // And back again, from the other side.
  const back = await runInProcess(['move-account', account.appId, '--to', source.url, '--switched'], {
    DATABASE_URL: target.url,
  });
  expect(back).toMatchObject({ code: 0, err: '' });
  expect((await simulator.user('oUser').say('home')).outcome).toBe('acknowledged');
  await waitFor('the answer at home', () => simulator.inboxOf('oUser').length === 4);
  expect(await source.rows('select count(*)::int as n from wechat.inbound_message')).toEqual([{ n: 4 }]);
});

test('ids in all that goes along are shifted, and what is older than the history stays', {
  timeout: 120_000,
}, async () => {
  const two = await setTwoDeployments();
  const { account, simulator, source, target, router, atTarget } = two;
  await simulator.user('oUser').say('one');
  await simulator.waitForDelivered('oUser', 1);
  await simulator.user('oOld').say('old');
  await simulator.waitForDelivered('oOld', 1);
  await waitFor('all settled', async () => (await source.rows(`select 1 from wechat.lane`)).length === 0);
  await source.pool.query(
    `update wechat.inbound_message set received_at = now() - interval '40 days' where openid = 'oOld'`,
  );
  const [{ id } = { id: '0' }] = await source.rows<{ id: string }>(
    `select id from wechat.inbound_message where openid = 'oUser'`,
  );
  await source.pool.query(
    `insert into wechat.once_result (message_id, key, value) values (${id}, 'paid', '{"n": 12345678901234567890}');
     insert into wechat.conversation_state (app_id, openid, value, version) values ('${account.appId}', 'oUser', '{"a": 1}', 3);
     insert into wechat.model_memory (app_id, openid, forgotten_up_to, summary, summary_up_to) values ('${account.appId}', 'oUser', 0, 's', ${id});
     insert into wechat.model_rest (message_id, app_id, openid, parts) values (${id}, '${account.appId}', 'oUser', '{a,b}');
     insert into wechat.user_usage (app_id, openid, message_ids, used_at, notices, kept_until)
       values ('${account.appId}', 'oUser', array[${id}], array[now()], '{"60": {"id": ${id}, "at": "2026-01-01T00:00:00Z"}}', now() + interval '1 day');
     insert into wechat.handover (app_id, openid, agent, taken_at, read_up_to) values ('${account.appId}', 'oUser', 'anna', now(), ${id});
     insert into wechat.inbound_media (message_id, position, content_type, bytes, content) values (${id}, 0, 'image/png', 3, '\\x010203')`,
  );
  router.switchTo(atTarget.webhookUrl);
  const moved = await runInProcess(two.args('--switched', '--history', '30'), two.settings);
  expect(moved).toMatchObject({ code: 0, err: '' });

  const [row] = await target.rows<Record<string, unknown>>(
    `select m.content, m.id > ${id} as shifted, o.value::text as once, s.version, mm.summary_up_to = m.id as summary, mm.forgotten_up_to, r.parts,
       u.message_ids = array[m.id] as used, (u.notices -> '60' ->> 'id')::bigint = m.id as notice, h.read_up_to = m.id as read, h.agent,
       encode(i.content, 'hex') as content_hex, d.status
     from wechat.inbound_message m
     join wechat.once_result o on o.message_id = m.id join wechat.conversation_state s on s.openid = m.openid
     join wechat.model_memory mm on mm.openid = m.openid join wechat.model_rest r on r.message_id = m.id
     join wechat.user_usage u on u.openid = m.openid join wechat.handover h on h.openid = m.openid
     join wechat.inbound_media i on i.message_id = m.id join wechat.delivery d on d.message_id = m.id`,
  );
  expect(row).toEqual({
    ...{ content: 'one', shifted: true, once: '{"n": 12345678901234567890}', version: 3, summary: true },
    ...{ forgotten_up_to: '0', parts: ['a', 'b'], used: true, notice: true, read: true, agent: 'anna' },
    ...{ content_hex: '010203', status: 'sent' },
  });
  expect(await target.rows('select content from wechat.inbound_message')).toEqual([{ content: 'one' }]);
  expect(await source.rows('select content from wechat.inbound_message')).toEqual([{ content: 'old' }]);
});

test('what is not to be done is said', { timeout: 60_000 }, async () => {
  const two = await setTwoDeployments();
  const { account, source, settings } = two;
  const run = (...args: string[]) => runInProcess(['move-account', account.appId, ...args], settings);
  expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining('Say --to') });
  expect(await run('--to', source.url, '--switched')).toMatchObject({
    code: 1,
    err: expect.stringContaining('same database'),
  });
  expect(await run('--to', two.target.url, '--history', '3')).toMatchObject({ code: 2 });
  expect(await run('--to', two.target.url, '--abort', '--switched')).toMatchObject({ code: 2 });
  expect(await run('--status', '--to', two.target.url)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/no move.*\n.*no move/),
  });
});
