import { type Command, Option } from 'commander';
import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import { argumentParsers } from '../terminal/arguments.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { sets, tally } from '../terminal/tally.js';
import { UsageError } from '../terminal/usage-error.js';
import type { Words } from '../words/index.js';
import type { Counted } from '../words/measures.js';

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
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('requeue')
    .description(help.requeue.about)
    .argument('[ids...]', help.deliveryIds, parse.ids)
    .option('--messages', help.requeue.messages)
    .addOption(
      new Option('--state <state>', help.requeue.state).choices([
        'failed',
        'expired',
        'unknown',
        'cancelled',
      ]),
    )
    .option('--code <errcode>', help.lastCode, parse.code)
    .option('--since <time>', help.requeue.since, parse.time)
    .addOption(accountOption(help))
    .option('--limit <n>', help.requeue.limit, parse.count)
    .option('--force', help.requeue.force)
    .option('--dry-run', help.requeue.dryRun)
    .addOption(yesOption(help))
    .addOption(jsonOption(help))
    .addHelpText('after', help.requeue.more)
    .action((ids: readonly string[], flags: Flags) => requeue(context, ids, flags));
}

/** What requeueing would do, or did, with one of them. */
interface Judged {
  id: string;
  result: string;
  /** Of a delivery, before anything is done. */
  status?: string;
}

type RequeueWords = Words['commands']['requeue'];

interface Kind {
  name: Counted;
  choose(pool: Pool, filter: Filter, words: RequeueWords): Promise<string[]>;
  judge(pool: Pool, ids: readonly string[]): Promise<Judged[]>;
  requeue(pool: Pool, ids: readonly string[], force: boolean): Promise<Judged[]>;
}

const defaultLimit = 1_000;
const dayMs = 86_400_000;

const deliveries: Kind = {
  name: 'deliveries',
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
  name: 'messages',
  async choose(pool, { state = 'failed', code, since, account, limit }, words) {
    if (state !== 'failed' || code !== undefined) throw new UsageError(words.onlyFailed);
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
  const { requeue: words } = context.words.commands;
  const tell = (results: readonly Judged[]) =>
    print(context, tally(results, words.meanings, kind.name, context.words));
  const isFiltered = Object.keys(filter).length > 0;
  if (ids.length === 0 && !isFiltered) throw new UsageError(words.sayWhich);
  if (ids.length > 0 && isFiltered) throw new UsageError(words.notBoth);

  await withDatabase(context, async (pool) => {
    const chosen = ids.length > 0 ? ids : await kind.choose(pool, filter, words);
    const judged = await kind.judge(pool, chosen);
    const able = judged.filter(({ result }) => result === 'ready' || (force && result === 'window_closed'));
    if (!json && chosen.length === 0) print(context, words.none(kind.name));
    else if (!json) tell(judged);
    if (dryRun || able.length === 0) {
      if (json) printJson(context, { requeued: 0, results: judged });
      if (able.length < ids.length) context.setExitCode(1);
      return;
    }
    if (!(await confirm(context, question(kind, able, context.words), { yes })))
      return print(context, context.words.terminal.unchanged);
    const results: Judged[] = [];
    for (const set of sets(able.map(({ id }) => id))) results.push(...(await kind.requeue(pool, set, force)));
    const requeued = results.filter(({ result }) => result === 'requeued').length;
    if (json) printJson(context, { requeued, results: merge(judged, results) });
    else tell(results);
    if (requeued < ids.length) context.setExitCode(1);
  });
}

function question({ name }: Kind, able: readonly Judged[], { commands, terminal }: Words): string {
  const doubtful = able.filter(({ status }) => status === 'unknown').length;
  const doubt = doubtful > 0 ? commands.requeue.doubt(doubtful) : '';
  return `${commands.requeue.question(terminal.count[name](able.length))}${doubt}`;
}

/** What was said of each, and of those that were requeued what came of it. */
function merge(judged: readonly Judged[], results: readonly Judged[]): { id: string; result: string }[] {
  const done = new Map(results.map(({ id, result }) => [id, result]));
  return judged.map(({ id, result }) => ({ id, result: done.get(id) ?? result }));
}
