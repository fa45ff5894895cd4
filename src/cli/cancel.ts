import type { Pool } from '../db/pool.js';
import { confirm } from './confirm.js';
import { count, print, printJson } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';
import { sets, tally } from './tally.js';

export interface CancelOptions {
  environment: Environment;
  ids: readonly string[];
  /** Whether the ids are of messages, of which all that waits is meant. */
  messages: boolean;
  yes: boolean;
  json: boolean;
}

const meanings: Readonly<Record<string, string>> = {
  cancelled: 'cancelled',
  final: 'have ended already',
  in_hand: 'are in the hand of a worker right now: try again in a moment',
  not_found: 'do not exist',
};

/** `wechat-outbox cancel`: gives up what waits to be sent. */
export async function cancelCommand(options: CancelOptions): Promise<void> {
  const { environment, ids, messages, yes, json } = options;
  const [one, many] = messages ? ['message', 'messages'] : ['delivery', 'deliveries'];
  await withDatabase(environment, async (pool) => {
    const question = `Cancel ${count(ids.length, one, many)} (${ids.join(', ')})? What is cancelled is not sent.`;
    if (!(await confirm(question, { yes }))) return print('nothing was changed');
    const rows: { id: string; result: string }[] = [];
    for (const set of sets(ids)) rows.push(...(await cancel(pool, set, messages)));
    const cancelled = rows.filter(({ result }) => result === 'cancelled').length;
    if (json) printJson({ cancelled, results: rows });
    else print(tally(rows, meanings, one, many));
    if (cancelled < rows.length) process.exitCode = 1;
  });
}

async function cancel(pool: Pool, ids: readonly string[], messages: boolean) {
  const { rows } = await pool.query<{ id: string; result: string }>(
    messages
      ? 'select id, wechat.cancel_message(id) as result from unnest($1::bigint[]) as listed (id)'
      : 'select delivery_id as id, result from wechat.cancel_many($1)',
    [ids],
  );
  return rows;
}
