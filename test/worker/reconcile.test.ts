import { expect, test } from 'vitest';
import { reconcile } from '../../src/outbox/reconcile.js';
import type { Replies } from '../../src/replies/router.js';
import { type Stage, setStage, settled } from '../support/stage.js';

const echo: Replies = ({ message }) => (message.kind === 'text' ? [message.content, 'and more'] : undefined);

/** A stage with stored messages, whose jobs are gone, as long ago as the reconciler waits. */
async function stranded(openids: readonly string[]): Promise<Stage> {
  const stage = await setStage();
  const ingress = await stage.start({ role: 'ingress' });
  for (const openid of openids) await stage.simulator.user(openid).say(`hello ${openid}`);
  await ingress.stop();
  await stage.database.pool.query('truncate graphile_worker._private_jobs');
  await stage.database.pool.query(`update wechat.lane set due_at = now() - interval '1 minute'`);
  return stage;
}

const texts = ({ simulator }: Stage, openid: string) => simulator.inboxOf(openid).map(({ text }) => text);

test('messages whose jobs were deleted get one, a conversation one at a time', async () => {
  const stage = await stranded(['o1', 'o2', 'o2']);
  expect(await reconcile(stage.database.pool)).toBe(2);
  // While those jobs wait there is nothing more to do.
  expect(await reconcile(stage.database.pool)).toBe(0);
  await stage.start({ role: 'worker', replies: echo });
  await settled(stage.database, 3);
  expect(texts(stage, 'o2')).toHaveLength(4);
});

test('whatever a crash left half done goes on from there, and nothing that is settled is sent again', async () => {
  const openids = ['oReceived', 'oClaimed', 'oPlanned', 'oSending', 'oPartly', 'oAllSent', 'oSettled'];
  const stage = await stranded(openids);
  const { database } = stage;
  const run = (sql: string, values: unknown[] = []) => database.pool.query(sql, values);
  await run(
    `insert into wechat.worker_process (id, hostname, pid, ended_at) overriding system value values (900, 'gone', 1, now())`,
  );
  await run(
    `update wechat.lane set claim = 900, worker_id = 900, claimed_at = now() where openid = 'oClaimed'`,
  );
  await run(
    `insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload)
     select id, position, app_id, openid, 'text',
            jsonb_build_object('msgtype', 'text', 'text', jsonb_build_object('content', openid || ' ' || position))
     from wechat.inbound_message, generate_series(1, 2) as position
     where openid in ('oPlanned', 'oSending', 'oPartly', 'oAllSent')`,
  );
  await run(
    `update wechat.delivery set status = 'sending', attempts = 1, attempt_started_at = now()
     where openid = 'oSending' and position = 1`,
  );
  await run(
    `update wechat.delivery set status = 'sent', sent_at = now(), attempts = 1
     where openid = 'oAllSent' or (openid = 'oPartly' and position = 1)`,
  );
  await run(
    `update wechat.inbound_message set status = 'settled', settled_at = now() where openid = 'oSettled'`,
  );

  expect(await reconcile(database.pool)).toBe(6);
  await stage.start({ role: 'worker', replies: echo });
  await settled(database, 7);
  expect(Object.fromEntries(openids.map((openid) => [openid, texts(stage, openid)]))).toEqual({
    oReceived: ['hello oReceived', 'and more'],
    oClaimed: ['hello oClaimed', 'and more'],
    oPlanned: ['oPlanned 1', 'oPlanned 2'],
    oSending: ['oSending 1', 'oSending 2'],
    oPartly: ['oPartly 2'],
    oAllSent: [],
    oSettled: [],
  });
  expect(
    await database.rows(
      `select a.attempt, a.outcome from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id
       where d.openid = 'oSending' and d.position = 1 order by attempt`,
    ),
  ).toEqual([
    { attempt: 1, outcome: 'unknown' },
    { attempt: 2, outcome: 'sent' },
  ]);
});

test('a job that still waits keeps its messages from getting another', async () => {
  const stage = await setStage();
  await stage.start({ role: 'ingress' });
  await stage.simulator.user('o1').say('hello');
  await stage.simulator.user('o2').subscribe();
  await stage.database.pool.query(
    `update graphile_worker._private_jobs set run_at = now() - interval '1 hour'`,
  );
  await stage.database.pool.query(`update wechat.lane set due_at = now() - interval '1 hour'`);
  expect(await reconcile(stage.database.pool)).toBe(0);
  // Of the urgent one alone the job is gone: the other's priority says nothing about it.
  await stage.database.pool.query('delete from graphile_worker._private_jobs where priority < 0');
  expect(await reconcile(stage.database.pool)).toBe(1);
});

test('a message whose job was deleted by hand is answered all the same', { timeout: 90_000 }, async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  await simulator.user('oUser').say('hello');
  await database.pool.query('delete from graphile_worker._private_jobs');
  // As if it had been so for a while.
  await database.pool.query(`update wechat.lane set due_at = now() - interval '1 minute'`);
  await start({ role: 'worker' });
  await simulator.waitForDelivered('oUser', 1, 60_000);
  await settled(database, 1);
});
