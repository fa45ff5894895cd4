import type { Pool } from '../db/pool.js';
import { confirm } from './confirm.js';
import { count, print, printJson } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';
import { sets, tally } from './tally.js';
import { UsageError } from './usage-error.js';

export interface RequeueOptions {
  environment: Environment;
  ids: readonly string[];
  /** Whether messages are meant: those for which the reply logic failed for good. */
  messages: boolean;
  filter: {
    state?: string | undefined;
    code?: number | undefined;
    since?: Date | undefined;
    account?: string | undefined;
    limit?: number | undefined;
  };
  force: boolean;
  yes: boolean;
  dryRun: boolean;
  json: boolean;
}

/** What requeueing would do, or did, with one of them. */
interface Judged {
  id: string;
  result: string;
  /** Of a delivery, before anything is done. */
  status?: string;
}

interface Kind {
  one: string;
  many: string;
  choose(pool: Pool, filter: RequeueOptions['filter']): Promise<string[]>;
  judge(pool: Pool, ids: readonly string[]): Promise<Judged[]>;
  requeue(pool: Pool, ids: readonly string[], force: boolean): Promise<Judged[]>;
}

const defaultLimit = 1_000;
const dayMs = 86_400_000;

const deliveries: Kind = {
  one: 'delivery',
  many: 'deliveries',
  async choose(pool, { state = 'failed', code, since, account, limit }) {
    const { rows } = await pool.query<{ id: string }>(
      `select id from wechat.requeue_candidates(
         state => $1, code => $2, since => now() - $3::timestamptz, account => $4, max => $5) as id`,
      [state, code ?? null, since ?? new Date(Date.now() - dayMs), account ?? null, limit ?? defaultLimit],
    );
    return rows.map(({ id }) => id);
  },
  async judge(pool, ids) {
    const text = 'select delivery_id as id, verdict as result, status from wechat.requeue_verdict($1)';
    return (await pool.query<Judged>(text, [ids])).rows;
  },
  async requeue(pool, ids, force) {
    const text = 'select delivery_id as id, result from wechat.requeue_many($1, $2)';
    return (await pool.query<Judged>(text, [ids, force])).rows;
  },
};

const messages: Kind = {
  one: 'message',
  many: 'messages',
  async choose(pool, { state = 'failed', code, since, account, limit }) {
    if (state !== 'failed' || code !== undefined)
      throw new UsageError('With --messages the state is failed, and there is no --code');
    const { rows } = await pool.query<{ id: string }>(
      `select id from wechat.inbound_message
       where failed and received_at >= $1 and ($2::text is null or app_id = $2)
         and not exists (select from wechat.delivery d where d.message_id = inbound_message.id)
       order by id limit $3`,
      [since ?? new Date(Date.now() - dayMs), account ?? null, limit ?? defaultLimit],
    );
    return rows.map(({ id }) => id);
  },
  async judge(pool, ids) {
    const text = 'select message_id as id, verdict as result from wechat.requeue_message_verdict($1)';
    return (await pool.query<Judged>(text, [ids])).rows;
  },
  async requeue(pool, ids, force) {
    const text = 'select message_id as id, result from wechat.requeue_messages($1, $2)';
    return (await pool.query<Judged>(text, [ids, force])).rows;
  },
};

/** What the results mean, and what to do about them. */
const meanings: Readonly<Record<string, string>> = {
  requeued: 'requeued',
  ready: 'can be requeued',
  sent: 'were sent already',
  waiting: 'are on their way already',
  in_hand: 'are in the hand of a worker right now: try again in a moment',
  window_closed: 'are past their reply window, WeChat would refuse them (--force tries all the same)',
  forgotten: 'were of a user who is forgotten: there is nothing left to send, and nobody to send it to',
  not_found: 'do not exist',
  not_failed: 'have not failed in the reply logic',
};

/** `wechat-outbox requeue`: tells what it would do, asks, and does it. */
export async function requeueCommand(options: RequeueOptions): Promise<void> {
  const { environment, ids, filter, force, yes, dryRun, json } = options;
  const kind = options.messages ? messages : deliveries;
  const filters = Object.values(filter).filter((one) => one !== undefined).length;
  if (ids.length === 0 && filters === 0)
    throw new UsageError('Say which: ids as `list` shows them, or a filter such as --state failed');
  if (ids.length > 0 && filters > 0) throw new UsageError('Say either ids or a filter, not both');

  await withDatabase(environment, async (pool) => {
    const chosen = ids.length > 0 ? ids : await kind.choose(pool, filter);
    const judged = await kind.judge(pool, chosen);
    const able = judged.filter(({ result }) => result === 'ready' || (force && result === 'window_closed'));
    const name = (number: number) => count(number, kind.one, kind.many);
    if (!json) {
      print(chosen.length === 0 ? `no ${kind.many} match` : tally(judged, meanings, kind.one, kind.many));
    }
    if (dryRun || able.length === 0) {
      if (json) printJson({ requeued: 0, results: judged });
      if (ids.length > 0 && able.length < ids.length) process.exitCode = 1;
      return;
    }
    const doubtful = able.filter(({ status }) => status === 'unknown').length;
    const warning = doubtful > 0 ? ` The users may have got ${doubtful} of them already (unknown).` : '';
    if (!(await confirm(`Requeue ${name(able.length)}?${warning}`, { yes })))
      return print('nothing was changed');
    const results: Judged[] = [];
    for (const set of sets(able.map(({ id }) => id))) results.push(...(await kind.requeue(pool, set, force)));
    const requeued = results.filter(({ result }) => result === 'requeued').length;
    if (json) {
      const done = new Map(results.map(({ id, result }) => [id, result]));
      printJson({
        requeued,
        results: judged.map(({ id, result }) => ({ id, result: done.get(id) ?? result })),
      });
    } else print(tally(results, meanings, kind.one, kind.many));
    if (ids.length > requeued) process.exitCode = ids.length > 0 ? 1 : 0;
  });
}
