import { describe, expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { createClaim } from '../../../src/outbox/claim.js';
import { createLanes, type Queryable } from '../../support/lanes.js';
import { textMessage } from '../../support/messages.js';
import { newUser, rewriting, useRaces } from '../../support/races.js';

/**
 * Rules that look as if they could be left out. Each has a schedule in which nothing is lost, and in which something is as soon as
 * the statement is written without the rule: so the schedule, and the rule, are worth keeping.
 */
const races = useRaces();

interface Rule {
  name: string;
  /** The statement as it would be without. */
  without: readonly (readonly [from: string, to: string])[];
  /** What goes wrong, on a connection whose statements keep the rule or do not. */
  damage(through: (connection: Queryable) => Queryable): Promise<string[]>;
  /** Without the rule. Default: one message is lost. */
  expects?: string[];
}

const lost = async (openid: string) => (await races().lostOf(openid)).map(() => 'lost');

/** A lane with so many messages, held and looked at through `through`. */
async function held(through: (connection: Queryable) => Queryable, count: number) {
  const openid = newUser();
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push(await races().lanes.say(openid));
  const worker = (await races().lanes.worker()).on(through(races().pool));
  return { openid, ids, worker, lane: await worker.take(openid) };
}

/** As an operator does: opened again, behind a lowered cursor. */
async function requeue(messageId: string, lowered = 'least(l.done_id - 1, m.id - 1)'): Promise<void> {
  await races().database.pool.query(
    `with opened as (
       update wechat.inbound_message m set status = 'received', settled_at = null where id = $1 returning m.*
     )
     update wechat.lane l set arrivals = arrivals + 1, waiting = waiting + 1, done_id = ${lowered}
     from opened m where (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)`,
    [messageId],
  );
}

const rules: Rule[] = [
  {
    name: 'a look locks nothing: what a lock waits for is newer than the messages that its statement sees',
    without: [['order by l.id, m.id', 'order by l.id, m.id for update of l']],
    async damage(through) {
      const { openid, worker, lane } = await held((connection) => connection, 1);
      const [arriving, looking] = [await races().connect(), await races().connect()];
      await arriving.begin();
      await arriving.lanes.say(openid);
      const look = await looking.start(() => worker.on(through(looking.client)).look(lane));
      await arriving.commit();
      const seen = await look.answer;
      if (seen) await worker.settle(seen);
      return lost(openid);
    },
  },
  {
    name: 'a look asks for one message more: only who knows of no more may delete the lane',
    without: [['order by m.id limit 2', 'order by m.id limit 1']],
    async damage(through) {
      const { openid, worker, lane } = await held(through, 2);
      await worker.settle(lane);
      return lost(openid);
    },
  },
  {
    name: 'the lane goes only if nothing came since the look',
    without: [
      ['where l.id = done.lane_id and done.arrivals = done.seen', 'where l.id = done.lane_id'],
      ['and done.arrivals is distinct from done.seen', 'and false'],
    ],
    async damage(through) {
      const { openid, worker, lane } = await held(through, 1);
      await races().lanes.say(openid);
      await worker.settle(lane);
      return lost(openid);
    },
  },
  {
    name: 'the cursor rises by comparison: a requeue may have lowered it since the look',
    without: [
      [
        'case when done.done_id = done.seen_done then coalesce(done.message_id, l.done_id) else l.done_id end',
        'coalesce(done.message_id, l.done_id)',
      ],
    ],
    async damage(through) {
      const { openid, ids, worker, lane } = await held(through, 3);
      await worker.settle(lane);
      const second = await worker.look(lane);
      await requeue(ids[0] ?? '');
      if (second) await worker.settle(second);
      return lost(openid);
    },
  },
  {
    name: 'settled_at decides what is open, and the cursor saves reading: it may lie below what is settled',
    without: [
      [
        "m.slot = '' and m.id > l.done_id\n       and m.settled_at is null",
        "m.slot = '' and m.id > l.done_id",
      ],
    ],
    async damage(through) {
      const [first, second] = [newUser(), newUser()];
      const worker = (await races().lanes.worker()).on(through(races().pool));
      const [one, two] = [await races().connect(), await races().connect()];
      await one.begin();
      await one.lanes.say(first);
      const group = await two.start(() =>
        two.lanes.arrive(textMessage({ openid: first }), textMessage({ openid: second })),
      );
      const settled = await races().lanes.say(second);
      const lane = await worker.take(second);
      await worker.settle(lane);
      await one.commit();
      await group.answer;
      const next = await worker.take(second);
      return next.message?.id === settled ? ['given out again'] : [];
    },
    expects: ['given out again'],
  },
  {
    name: 'a lane shows its own slot: one message is never in two lanes, also where order was switched off',
    without: [[" and m.slot = '' and m.id > l.done_id", ' and m.id > l.done_id']],
    async damage(through) {
      const { openid, worker, lane } = await held(through, 1);
      await createLanes(races().pool, { ordered: false }).arrive(textMessage({ openid }));
      const [slot] = await (await races().lanes.worker()).claim(openid);
      await worker.settle((await worker.look(lane)) ?? lane);
      const next = await worker.look(lane);
      return next?.message?.id === slot?.message?.id ? ['in two hands'] : [];
    },
    expects: ['in two hands'],
  },
  {
    name: 'a push rings for every free lane that it touched, also for one that only a duplicate made',
    without: [
      ['from lane where is_free having', 'from lane where is_free and exists (select from fresh) having'],
    ],
    async damage(through) {
      const { openid, worker, lane } = await held((connection) => connection, 1);
      const [message] = await races().database.rows<{ payload: { MsgId: string } }>(
        'select payload from wechat.inbound_message where openid = $1',
        [openid],
      );
      await worker.settle(lane);
      await races().clearJobs();
      const again = textMessage({ openid, msgId: message?.payload.MsgId ?? '' });
      await createLanes(through(races().pool)).arrive(again);
      return (await races().rungFor()).length === 0 ? ['a lane stays'] : [];
    },
    expects: ['a lane stays'],
  },
  {
    name: 'a lane that was locked is asked for again: who had it locked may have changed nothing',
    without: [['(l.claim = $2 or (l.claim is null', '(l.claim = $2 or (false and l.claim is null']],
    async damage(through) {
      const openid = newUser();
      await races().lanes.say(openid);
      const { id } = await races().laneOf(openid);
      const worker = await races().lanes.worker();
      const arriving = await races().connect();
      await arriving.begin();
      await arriving.lanes.say(openid);
      const { busy } = await createClaim(through(races().pool) as Pool).claim([id], worker.id, id);
      await arriving.rollback();
      return busy.length === 0 ? ['a lane stays'] : [];
    },
    expects: ['a lane stays'],
  },
];

describe('is right with the rule, and wrong without it', () => {
  test.each(rules)('$name', async ({ without, damage, expects = ['lost'] }) => {
    expect(await damage((connection) => connection)).toEqual([]);
    expect(await damage((connection) => rewriting(connection, ...without))).toEqual(expects);
  });

  test('a requeue always lowers the cursor, by one at least: else a settlement does not see it', async () => {
    for (const [lowered, expected] of [
      ['least(l.done_id - 1, m.id - 1)', []],
      ['least(l.done_id, m.id - 1)', ['lost']],
    ] as const) {
      const { openid, ids, worker, lane } = await held((connection) => connection, 3);
      // The cursor stands right before the first message, and stays there: it was settled under another cursor.
      await worker.settle(lane);
      await races().database.pool.query('update wechat.lane set done_id = $2 - 1 where openid = $1', [
        openid,
        ids[0],
      ]);
      const second = await worker.look(lane);
      await requeue(ids[0] ?? '', lowered);
      if (second) await worker.settle(second);
      expect(await lost(openid)).toEqual(expected);
    }
  });

  test('ids come one by one from one sequence: drawn ahead, they fall behind the cursor', async () => {
    const cache = async () =>
      races().database.rows(
        `select seqcache::int as cache from pg_sequence where seqrelid = 'wechat.inbound_message_id_seq'::regclass`,
      );
    expect(await cache()).toEqual([{ cache: 1 }]);
    await races().database.pool.query('alter sequence wechat.inbound_message_id_seq cache 20');
    const [early, late] = [await races().connect(), await races().connect()];
    const openid = newUser();
    await early.lanes.say(newUser());
    await late.lanes.say(openid);
    await early.lanes.say(openid);
    await races().database.pool.query('alter sequence wechat.inbound_message_id_seq cache 1');
    expect(await lost(openid)).toEqual(['lost']);
  });
});
