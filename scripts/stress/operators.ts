import { setTimeout as sleep } from 'node:timers/promises';
import { rescue } from '#src/outbox/rescue.js';
import { type Arena, anyAccount } from './arena.ts';
import { userCount } from './arrivals.ts';
import { openShaky } from './connection.ts';

const hour = 3_600_000;

const anyUser = (random: () => number) => `o${Math.floor(random() * userCount)}`;

/** Sweeps for lanes of workers that were declared dead, all the time. */
export async function sweep(arena: Arena, isOver: () => boolean): Promise<void> {
  const connection = openShaky(arena, { name: 'rescue', rollBack: 0.05, loseResult: 0.05 });
  while (!isOver()) {
    // Nobody is found to be missing in that time: the stress itself says who is dead.
    arena.counts.rescued += (await rescue(connection.pool, hour)).lanes;
    await sleep(20 + arena.random() * 40);
  }
  await connection.close();
}

const anyAgent = (random: () => number) => (random() < 0.5 ? 'anna' : 'ben');

type Act = (arena: Arena, query: (text: string, values: unknown[]) => Promise<number>) => Promise<void>;

/** Ids of some of the latest, oldest first or not. */
const latest = (table: string, condition: string) => `
  array(select id from (
    select id from wechat.${table} where ${condition} order by id desc limit 40) recent order by random() limit 5)`;

const acts: { weight: number; act: Act }[] = [
  {
    weight: 5,
    async act({ counts }, query) {
      counts.requeued += await query(
        `select result = 'requeued' as done from wechat.requeue_many(${latest('delivery', 'ended_unsent')})`,
        [],
      );
    },
  },
  {
    weight: 2,
    async act({ counts }, query) {
      counts.requeued += await query(
        `select result = 'requeued' as done from wechat.requeue_messages(${latest('inbound_message', 'failed')})`,
        [],
      );
    },
  },
  {
    weight: 2,
    async act({ counts }, query) {
      counts.cancelled += await query(
        `select wechat.cancel_message(id) = 'cancelled' as done from unnest(${latest('inbound_message', 'settled_at is null')}) as open (id) limit 2`,
        [],
      );
    },
  },
  {
    weight: 1,
    async act({ counts }, query) {
      counts.cancelled += await query(
        `select result = 'cancelled' as done from wechat.cancel_many(${latest('delivery', "status in ('pending', 'sending')")})`,
        [],
      );
    },
  },
  {
    weight: 1,
    async act({ counts }, query) {
      // The workers here have no session, so all of them look dead to it, and what they have in hand is freed.
      counts.heldBack += await query(
        `select result = 'held' as done from wechat.hold_messages(${latest('inbound_message', 'settled_at is null')})`,
        [],
      );
    },
  },
  {
    weight: 2,
    async act({ counts, random }, query) {
      const payload = JSON.stringify({ msgtype: 'text', text: { content: 'by hand' } });
      const appId = anyAccount(random);
      counts.sent += await query(`select result = 'queued' as done from wechat.send($1, $2, $3)`, [
        appId,
        anyUser(random),
        payload,
      ]);
    },
  },
  {
    weight: 3,
    async act({ counts, random }, query) {
      counts.taken += await query(
        `select result = 'taken' as done from wechat.take_over($1, $2, $3, $4, $5)`,
        [
          anyAccount(random),
          anyUser(random),
          anyAgent(random),
          random() < 0.7 ? 'cancel' : 'send',
          random() < 0.3,
        ],
      );
    },
  },
  {
    weight: 3,
    async act({ counts, random }, query) {
      counts.handedBack += await query(
        `select wechat.hand_back(app_id, openid, $1, $2) = 'returned' as done
         from (select * from wechat.handover order by random() limit 1) one`,
        [anyAgent(random), random() < 0.7],
      );
    },
  },
  {
    weight: 3,
    async act({ counts, random }, query) {
      const payload = JSON.stringify({ msgtype: 'text', text: { content: 'by an agent' } });
      counts.agentSent += await query(
        `select sent.result = 'queued' as done
         from (select * from wechat.handover where agent is not null order by random() limit 1) one,
           wechat.agent_send(one.app_id, one.openid, one.agent, $1, $2) sent`,
        [payload, String(random())],
      );
    },
  },
  {
    weight: 1,
    async act({ random }, query) {
      const user = [anyAccount(random), anyUser(random)];
      await query(`select wechat.ask_for_person($1, $2, 'a reason') = 'waiting' as done`, user);
    },
  },
  {
    weight: 1,
    async act({ random }, query) {
      const user = [anyAccount(random), anyUser(random)];
      await query('select wechat.return_by_user($1, $2) as done', user);
    },
  },
  {
    weight: 0.3,
    async act({ counts, random }, query) {
      counts.forgotten += await query('select messages > 0 as done from wechat.forget($1, $2)', [
        anyAccount(random),
        anyUser(random),
      ]);
    },
  },
  {
    weight: 0.7,
    async act(arena, query) {
      const { counts, random } = arena;
      const appId = anyAccount(random);
      counts.pauses += 1;
      await query('select wechat.pause($1) is null as done', [appId]);
      await sleep(random() * 150);
      await query('select wechat.resume($1) as done', [appId]);
    },
  },
];

/** Does what operators do, over and over. */
export async function operate(arena: Arena, isOver: () => boolean): Promise<void> {
  const { random } = arena;
  const connection = openShaky(arena, { name: 'operator', rollBack: 0.05, loseResult: 0.05 });
  const query = async (text: string, values: unknown[]) => {
    const { rows } = await connection.pool.query<{ done: boolean }>(text, values);
    return rows.filter(({ done }) => done).length;
  };
  const total = acts.reduce((sum, { weight }) => sum + weight, 0);
  while (!isOver()) {
    let at = random() * total;
    const chosen = acts.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    await chosen?.act(arena, query);
    await sleep(random() * 30);
  }
  await connection.close();
}
