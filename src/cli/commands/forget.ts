import type { Command } from 'commander';
import { onlyAccountOf } from '../database/account-of.js';
import { withDatabase } from '../database/session.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';
import type { Words } from '../words/index.js';

interface Flags extends Json {
  account?: string;
  yes?: boolean;
}

export function addForget(program: Command, context: CommandContext): void {
  const { help } = context.words;
  program
    .command('forget')
    .description(help.forget.about)
    .argument('<openid>')
    .addOption(accountOption(help, help.whichAccount))
    .addOption(yesOption(help))
    .addOption(jsonOption(help))
    .addHelpText('after', help.forget.more)
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
  const { forget: words, conversation } = context.words.commands;
  await withDatabase(context, async (pool) => {
    const account = flags.account ?? (await onlyAccountOf(pool, openid, context.words));
    const { rows: known } = await pool.query<{ messages: number }>(
      `select count(*)::int as messages from wechat.inbound_message
       where app_id = $1 and openid = $2 and forgotten_at is null`,
      [account, openid],
    );
    const messages = known[0]?.messages ?? 0;
    if (account === undefined || messages === 0) throw new UsageError(conversation.nobody(openid, account));

    const question = words.question(openid, messages, account);
    if (!(await confirm(context, question, { yes }))) return print(context, context.words.terminal.unchanged);
    const { rows } = await pool.query<Forgotten>('select * from wechat.forget($1, $2)', [account, openid]);
    const [forgotten] = rows;
    if (!forgotten) throw new Error('wechat.forget gave no row');
    if (json) {
      const { given_up: givenUp, in_hand: inHand, ...counts } = forgotten;
      printJson(context, { account, ...counts, givenUp, inHand });
    } else print(context, describe(forgotten, words));
    if (forgotten.in_hand > 0) context.setExitCode(1);
  });
}

function describe(
  { messages, deliveries, given_up, in_hand }: Forgotten,
  words: Words['commands']['forget'],
): string {
  return [
    ...(given_up > 0 ? [words.givenUp(given_up)] : []),
    in_hand > 0 ? words.inHand(in_hand) : words.forgotten(messages, deliveries),
  ].join('\n');
}
