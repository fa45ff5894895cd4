import { onlyAccountOf } from './account-of.js';
import { confirm } from './confirm.js';
import { count, print, printJson } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';
import { UsageError } from './usage-error.js';

export interface ForgetOptions {
  environment: Environment;
  openid: string;
  account: string | undefined;
  yes: boolean;
  json: boolean;
}

interface Forgotten {
  messages: number;
  deliveries: number;
  given_up: number;
  in_hand: number;
}

/** `wechat-outbox forget OPENID`: removes who a user is and what was said, and leaves the counts. */
export async function forgetCommand(options: ForgetOptions): Promise<void> {
  const { environment, openid, yes, json } = options;
  await withDatabase(environment, async (pool) => {
    const account = options.account ?? (await onlyAccountOf(pool, openid));
    const { rows: known } = await pool.query<{ messages: number }>(
      `select count(*)::int as messages from wechat.inbound_message
       where app_id = $1 and openid = $2 and forgotten_at is null`,
      [account, openid],
    );
    const messages = known[0]?.messages ?? 0;
    if (account === undefined || messages === 0)
      throw new UsageError(`Nobody of that openid ever wrote${account ? ` to ${account}` : ''}: ${openid}`);

    const question = `Forget ${openid}, who sent ${count(messages, 'message')} to ${account}? What was said cannot be had back, and what waits is not sent.`;
    if (!(await confirm(question, { yes }))) return print('nothing was changed');
    const { rows } = await pool.query<Forgotten>('select * from wechat.forget($1, $2)', [account, openid]);
    const [forgotten] = rows;
    if (!forgotten) throw new Error('wechat.forget gave no row');
    if (json) {
      const { given_up: givenUp, in_hand: inHand, ...counts } = forgotten;
      printJson({ account, ...counts, givenUp, inHand });
    } else print(describe(forgotten));
    if (forgotten.in_hand > 0) process.exitCode = 1;
  });
}

function describe({ messages, deliveries, given_up, in_hand }: Forgotten): string {
  const gone = `forgotten: ${count(messages, 'message')}, ${count(deliveries, 'delivery', 'deliveries')}`;
  return [
    ...(given_up > 0 ? [`given up: ${count(given_up, 'message')} that waited`] : []),
    in_hand > 0
      ? `nothing is forgotten yet: a worker has ${count(in_hand, 'message')} of theirs in hand right now; run it again in a moment`
      : gone,
  ].join('\n');
}
