import type { Command } from 'commander';
import { onlyAccountOf } from '../database/account-of.js';
import { withDatabase } from '../database/session.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { count } from '../terminal/format.js';
import { accountOption, type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface Flags extends Json {
  account?: string;
  yes?: boolean;
}

export function addForget(program: Command, context: CommandContext): void {
  program
    .command('forget')
    .description('remove who a user is and all that was said with them, and keep the counts; asks first')
    .argument('<openid>')
    .addOption(accountOption('where the user wrote to several'))
    .addOption(yesOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Exit code 1 when a worker has a message of theirs in hand: run it again in a moment. What they write afterwards
is kept as a new user's would be.`,
    )
    .action((openid: string, flags: Flags) => forget(context, openid, flags));
}

interface Forgotten {
  messages: number;
  deliveries: number;
  given_up: number;
  in_hand: number;
}

async function forget(context: CommandContext, openid: string, flags: Flags): Promise<void> {
  const { yes = false, json = false } = flags;
  await withDatabase(context, async (pool) => {
    const account = flags.account ?? (await onlyAccountOf(pool, openid));
    const { rows: known } = await pool.query<{ messages: number }>(
      `select count(*)::int as messages from wechat.inbound_message
       where app_id = $1 and openid = $2 and forgotten_at is null`,
      [account, openid],
    );
    const messages = known[0]?.messages ?? 0;
    if (account === undefined || messages === 0)
      throw new UsageError(`Nobody of that openid ever wrote${account ? ` to ${account}` : ''}: ${openid}`);

    const question = `Forget ${openid}, who sent ${count(messages, 'message')} to ${account}? What was said cannot be had back, and what waits is not sent.`;
    if (!(await confirm(context, question, { yes }))) return print(context, 'nothing was changed');
    const { rows } = await pool.query<Forgotten>('select * from wechat.forget($1, $2)', [account, openid]);
    const [forgotten] = rows;
    if (!forgotten) throw new Error('wechat.forget gave no row');
    if (json) {
      const { given_up: givenUp, in_hand: inHand, ...counts } = forgotten;
      printJson(context, { account, ...counts, givenUp, inHand });
    } else print(context, describe(forgotten));
    if (forgotten.in_hand > 0) context.setExitCode(1);
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
