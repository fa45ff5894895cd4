import { type Command, Option } from 'commander';
import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import { parseCode, parseCount, parseIds, parseTime } from '../terminal/arguments.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { count } from '../terminal/format.js';
import { accountOption, type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { sets, tally } from '../terminal/tally.js';
import { UsageError } from '../terminal/usage-error.js';

interface Filter {
  state?: string;
  code?: number;
  since?: Date;
  account?: string;
  limit?: number;
}

interface Flags extends Filter, Json {
  messages?: boolean;
  force?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

export function addRequeue(program: Command, context: CommandContext): void {
  program
    .command('requeue')
    .description('send again what ended without being sent; says what it would do, and asks')
    .argument('[ids...]', 'deliveries, as list shows them', parseIds)
    .option('--messages', 'messages instead: run the reply logic again where it failed for good')
    .addOption(
      new Option('--state <state>', 'all that ended so').choices([
        'failed',
        'expired',
        'unknown',
        'cancelled',
      ]),
    )
    .option('--code <errcode>', 'with this errcode as their last', parseCode)
    .option('--since <time>', 'that ended since then: 2h, 7d, 2026-11-23 (default: 1d)', parseTime)
    .addOption(accountOption())
    .option('--limit <n>', 'the oldest so many (default: 1000)', parseCount)
    .option('--force', 'also past the reply window, where WeChat will likely refuse (45015)')
    .option('--dry-run', 'only say what it would do')
    .addOption(yesOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Safe to run twice, and while workers run; the order of a conversation is kept. Exit code 1 when one of the
ids given was not requeued.

Examples:
  wechat-outbox requeue 4711 4712
  wechat-outbox requeue --state failed --code 45009 --since 2h --dry-run
  wechat-outbox requeue --messages --since 1h --yes    after a bug in the reply logic was mended`,
    )
    .action((ids: readonly string[], flags: Flags) => requeue(context, ids, flags));
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
  choose(pool: Pool, filter: Filter): Promise<string[]>;
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

/** Tells what it would do, asks, and does it. */
async function requeue(context: CommandContext, ids: readonly string[], flags: Flags): Promise<void> {
  const {
    messages: ofMessages = false,
    force = false,
    dryRun = false,
    yes = false,
    json = false,
    ...filter
  } = flags;
  const kind = ofMessages ? messages : deliveries;
  const isFiltered = Object.keys(filter).length > 0;
  if (ids.length === 0 && !isFiltered)
    throw new UsageError('Say which: ids as `list` shows them, or a filter such as --state failed');
  if (ids.length > 0 && isFiltered) throw new UsageError('Say either ids or a filter, not both');

  await withDatabase(context, async (pool) => {
    const chosen = ids.length > 0 ? ids : await kind.choose(pool, filter);
    const judged = await kind.judge(pool, chosen);
    const able = judged.filter(({ result }) => result === 'ready' || (force && result === 'window_closed'));
    if (!json && chosen.length === 0) print(context, `no ${kind.many} match`);
    else if (!json) print(context, tally(judged, meanings, kind.one, kind.many));
    if (dryRun || able.length === 0) {
      if (json) printJson(context, { requeued: 0, results: judged });
      if (able.length < ids.length) context.setExitCode(1);
      return;
    }
    if (!(await confirm(context, question(kind, able), { yes })))
      return print(context, 'nothing was changed');
    const results: Judged[] = [];
    for (const set of sets(able.map(({ id }) => id))) results.push(...(await kind.requeue(pool, set, force)));
    const requeued = results.filter(({ result }) => result === 'requeued').length;
    if (json) printJson(context, { requeued, results: merge(judged, results) });
    else print(context, tally(results, meanings, kind.one, kind.many));
    if (requeued < ids.length) context.setExitCode(1);
  });
}

function question({ one, many }: Kind, able: readonly Judged[]): string {
  const doubtful = able.filter(({ status }) => status === 'unknown').length;
  const warning = doubtful > 0 ? ` The users may have got ${doubtful} of them already (unknown).` : '';
  return `Requeue ${count(able.length, one, many)}?${warning}`;
}

/** What was said of each, and of those that were requeued what came of it. */
function merge(judged: readonly Judged[], results: readonly Judged[]): { id: string; result: string }[] {
  const done = new Map(results.map(({ id, result }) => [id, result]));
  return judged.map(({ id, result }) => ({ id, result: done.get(id) ?? result }));
}
