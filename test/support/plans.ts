import pg, { type Pool, type PoolClient, type QueryConfig } from 'pg';
import { expect } from 'vitest';
import { createArrive } from '../../src/outbox/arrive.js';
import { createBegin } from '../../src/outbox/begin.js';
import { createClaim } from '../../src/outbox/claim.js';
import { createEnd } from '../../src/outbox/end.js';
import type { HeldLane } from '../../src/outbox/lane.js';
import { createLook } from '../../src/outbox/look.js';
import { createPlanner } from '../../src/outbox/plan.js';
import { createRelease } from '../../src/outbox/release.js';
import { createSettle } from '../../src/outbox/settle.js';
import { type Queryable, sent } from './lanes.js';
import { textMessage } from './messages.js';

/** What Postgres did for a statement: of its plan, and of the plans below it. */
export interface Explained {
  name: string;
  cost: number;
  /** Shared blocks that were looked at. */
  buffers: number;
  isCompiled: boolean;
  /** Tables of ours that were read from end to end. */
  scanned: string[];
  /** Rows that were read from our tables, also those that a filter threw away. */
  rows: number;
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Total Cost': number;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

const facts = ['inbound_message', 'delivery', 'delivery_attempt'];
const tables = [...facts, 'lane', 'worker_process', 'account_pause', '_private_jobs'];

/** A connection that explains each statement, with its own parameters, before it runs it. */
export function explaining(client: PoolClient, explained: Explained[]): Queryable {
  const query = async (first: QueryConfig | string, parameters?: unknown[]) => {
    const config: QueryConfig =
      typeof first === 'string' ? { text: first, ...(parameters && { values: parameters }) } : first;
    const { text, values } = config;
    await client.query('begin');
    // Prepared, so that it is planned as this connection has its statements planned.
    await client.query(`prepare explained as ${text}`);
    const given = values?.length ? `(${values.map(toLiteral).join(', ')})` : '';
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode; JIT?: unknown }] }>(
      `explain (analyze, buffers, format json) execute explained${given}`,
    );
    await client.query('deallocate explained');
    await client.query('rollback');
    const [plan] = rows[0]?.['QUERY PLAN'] ?? [];
    if (plan)
      explained.push({ name: config.name ?? text.trim().slice(0, 40), ...sum(plan.Plan, 'JIT' in plan) });
    return client.query(config);
  };
  return { query } as unknown as Queryable;
}

/** Of what our statements are given: numbers, texts, and arrays that are written as texts already. */
function toLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'object') throw new Error(`No literal of ${JSON.stringify(value)} is known here`);
  return pg.escapeLiteral(String(value));
}

function sum(root: PlanNode, isCompiled: boolean): Omit<Explained, 'name'> {
  const scanned = new Set<string>();
  let read = 0;
  const visit = (node: PlanNode) => {
    const relation = node['Relation Name'];
    if (relation && tables.includes(relation) && node['Node Type'].endsWith('Scan')) {
      const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
      read += (node['Actual Rows'] + removed) * node['Actual Loops'];
      if (node['Node Type'] === 'Seq Scan') scanned.add(relation);
    }
    for (const child of node.Plans ?? []) visit(child);
  };
  visit(root);
  return {
    cost: root['Total Cost'],
    buffers: root['Shared Hit Blocks'] + root['Shared Read Blocks'],
    isCompiled,
    scanned: [...scanned],
    rows: read,
  };
}

/** Answered messages with a delivery and an attempt each, of a thousand users. */
export async function storeHistory(pool: Pool, count: number): Promise<void> {
  await pool.query(
    `insert into wechat.inbound_message
       (app_id, openid, dedupe_key, msg_type, content, payload, created_at, received_at, window_ends_at, status, settled_at)
     select 'wx-lanes', 'old' || n % 1000, 'old:' || n, 'text', 'question', '{"MsgType": "text"}', at, at,
       at + interval '2 days', 'settled', at
     from generate_series(1, $1::int) n, lateral (select now() - ($1 - n) * interval '1 second' as at) told`,
    [count],
  );
  await pool.query(
    `insert into wechat.delivery
       (message_id, position, app_id, openid, msg_type, payload, status, attempts, attempt_started_at, sent_at, created_at)
     select id, 1, app_id, openid, 'text', '{"msgtype": "text"}', 'sent', 1, settled_at, settled_at, settled_at
     from wechat.inbound_message where dedupe_key like 'old:%' order by id`,
  );
  await pool.query(
    `insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome)
     select id, 1, sent_at, sent_at, 'sent' from wechat.delivery where openid like 'old%' order by id`,
  );
}

/** Lanes of one waiting message each. */
export async function storeWaiting(pool: Pool, count: number): Promise<void> {
  await pool.query(
    `with stored as (
       insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, payload, created_at, window_ends_at)
       select 'wx-lanes', 'waits' || n, 'waits:' || n, 'text', '{"MsgType": "text"}', now(), now() + interval '2 days'
       from generate_series(1, $1::int) n returning id, app_id, openid
     )
     insert into wechat.lane (app_id, openid, arrivals, waiting, done_id)
     select app_id, openid, 1, 1, id - 1 from stored`,
    [count],
  );
}

const payloads = [
  { msgtype: 'text', text: { content: 'one' } },
  { msgtype: 'text', text: { content: 'two' } },
] as const;

/** Takes a set of new messages all the way, by the statements of the outbox. @returns what each of them cost */
async function answerSet(client: PoolClient, size: number, prefix: string): Promise<Explained[]> {
  const explained: Explained[] = [];
  await answer(explaining(client, explained) as Pool, client, size, prefix);
  return explained;
}

/** The same without a look at it. */
export const answerBy = (pool: Pool, size: number, prefix: string) => answer(pool, pool, size, prefix);

/** @param pool runs the statements of the outbox, and `client` what the test needs beside them */
async function answer(pool: Pool, client: Pool | PoolClient, size: number, prefix: string): Promise<void> {
  const messages = Array.from({ length: size }, (_, n) => textMessage({ openid: `${prefix}${n}` }));
  await createArrive(pool)(messages.map((message) => ({ appId: 'wx-lanes', ordered: true, message })));
  const { rows } = await client.query<{ id: string }>(
    `select id from wechat.lane where app_id = 'wx-lanes' and openid = any($1) order by id`,
    [messages.map(({ openid }) => openid)],
  );
  const worker = await client.query<{ id: number }>(
    `insert into wechat.worker_process (hostname, pid) values ('test', 1) returning id`,
  );
  const workerId = worker.rows[0]?.id ?? 0;
  const claim = String((BigInt(workerId) << 32n) + 1n);
  const { held } = await createClaim(pool).claim([...rows.map(({ id }) => id), '999999999'], workerId, claim);
  const look = () => createLook(pool)(held.map((laneId) => ({ laneId, claim })));
  const lanes = (await look()).filter((lane): lane is HeldLane => lane !== undefined);
  const plans = await createPlanner(pool)(
    lanes.map((lane) => ({ ...lane, messageId: lane.message?.id ?? '', payloads, beginsFirst: true })),
  );
  const planned = plans.map((plan) => (plan.kind === 'planned' ? plan.deliveries : []));
  await createEnd(pool)(
    lanes.flatMap((lane, index) =>
      (planned[index] ?? []).slice(0, 1).map((reply) => ({ ...lane, ...sent(reply) })),
    ),
  );
  await createBegin(pool).begin(
    lanes.flatMap((lane, index) =>
      (planned[index] ?? []).slice(1).map(({ id }) => ({ ...lane, deliveryId: id, attempt: 1 })),
    ),
  );
  const half = Math.floor(lanes.length / 2);
  await createSettle(pool)(
    lanes.slice(0, half).map((lane, index) => {
      const [, second] = planned[index] ?? [];
      return { lane, status: 'settled', end: second && sent({ ...second, attempts: 1 }) };
    }),
  );
  await createRelease(pool)(lanes.slice(half).map((lane) => ({ ...lane, delayMs: 0 })));
}

const setSize = 100;

/** Default of jit_above_cost: from there on Postgres compiles, which takes longer than the statement. */
export const jitAboveCost = 100_000;

/** Whatever the tables hold: some rows of each table for each of the set. */
const mostRows = setSize * 30;

const hot = ['arrive', 'claim', 'busy', 'look', 'plan', 'end', 'begin', 'settle', 'release'];

async function expectKeys(client: PoolClient, prefix: string, large: readonly string[]): Promise<void> {
  const explained = await answerSet(client, setSize, prefix);
  expect(explained.map(({ name }) => name)).toEqual(hot);
  expect(explained.filter(({ cost, isCompiled }) => cost > jitAboveCost || isCompiled)).toEqual([]);
  expect(explained.filter(({ scanned }) => scanned.some((table) => large.includes(table)))).toEqual([]);
  expect(explained.filter(({ rows }) => rows > mostRows)).toEqual([]);
}

const measured = 'wechat.inbound_message, wechat.delivery, wechat.delivery_attempt, wechat.lane';

/** From here on the statistics are those that the test makes. */
export async function keepStatistics(pool: Pool): Promise<void> {
  for (const table of measured.split(', '))
    await pool.query(`alter table ${table} set (autovacuum_enabled = false)`);
}

/**
 * Fills an empty database by steps, and looks at all hot statements at each: nothing is compiled, and no table that is large is
 * read from end to end, whatever Postgres believes of it.
 *
 * @param client a connection as the service has them
 */
export async function checkPlans(
  pool: Pool,
  client: PoolClient,
  { answered, waiting, isAnalysed }: { answered: number; waiting: number; isAnalysed: boolean },
): Promise<void> {
  const analyse = () => pool.query(`analyze ${measured}`);
  // A plan that is made for tables of ten rows may well read them.
  const large = answered > 10 ? facts : [];
  if (isAnalysed) await analyse();
  await storeHistory(pool, answered);
  await expectKeys(client, 'a', large);
  await storeWaiting(pool, waiting);
  await expectKeys(client, 'b', [...large, 'lane']);
  await analyse();
  await expectKeys(client, 'c', [...large, 'lane', 'inbound_message']);
}
