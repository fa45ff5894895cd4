import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Pool } from '../../db/pool.js';
import { onlyAccountOf } from '../database/account-of.js';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

interface Flags extends Json {
  text: string;
  account?: string;
  force?: boolean;
}

export function addSend(program: Command, context: CommandContext): void {
  const { help } = context.words;
  program
    .command('send')
    .description(help.send.about)
    .argument('<openid>')
    .requiredOption('--text <text>', help.send.text)
    .addOption(accountOption(help, help.whichAccount))
    .option('--force', help.send.force)
    .addOption(jsonOption(help))
    .action((openid: string, flags: Flags) => send(context, openid, flags));
}

/** While the user's latest message is being answered, ours has to wait. */
const patienceMs = 20_000;
const tryAgainMs = 250;

/** Behind what is on its way to the user. */
async function send(context: CommandContext, openid: string, flags: Flags): Promise<void> {
  const { force = false, json = false } = flags;
  const { send: words } = context.words.commands;
  const problems: Readonly<Record<string, string>> = words.problems;
  const payloads = await payloadsOf(flags.text);
  await withDatabase(context, async (pool) => {
    const account = flags.account ?? (await onlyAccountOf(pool, openid, context.words));
    if (account === undefined) throw new Error(`${openid}: ${words.problems.no_message}`);
    const deliveries: string[] = [];
    for (const payload of payloads) {
      const { result, delivery_id } = await queue(pool, [account, openid, payload, force]);
      if (result !== 'queued') throw new Error(`${openid}: ${problems[result] ?? result}`);
      deliveries.push(delivery_id ?? '');
    }
    if (json) return printJson(context, { account, openid, deliveries });
    print(context, words.queued(deliveries));
  });
}

async function payloadsOf(words: string): Promise<string[]> {
  const [{ fitReplies }, { encodePayload, text, toWire }] = await Promise.all([
    import('../../replies/fit.js'),
    import('../../wechat/out/reply.js'),
  ]);
  const fitted = fitReplies(text(words), { onOverflow: 'refuse', notice: '' });
  return fitted.kind === 'fits' ? fitted.replies.map((reply) => encodePayload(toWire(reply))) : [];
}

async function queue(pool: Pool, values: unknown[]): Promise<{ result: string; delivery_id: string | null }> {
  for (const deadline = Date.now() + patienceMs; ; ) {
    const { rows } = await pool.query<{ result: string; delivery_id: string | null }>(
      'select result, delivery_id from wechat.send($1, $2, $3, $4)',
      values,
    );
    const [row] = rows;
    if (row && (row.result !== 'busy' || Date.now() > deadline)) return row;
    await sleep(tryAgainMs);
  }
}
