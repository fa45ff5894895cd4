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
  program
    .command('send')
    .description('send a text to a user who wrote before, through the outbox like every reply')
    .argument('<openid>')
    .requiredOption('--text <text>', 'what to say; long text is split')
    .addOption(accountOption('where the user wrote to several'))
    .option('--force', 'also past the reply window')
    .addOption(jsonOption())
    .action((openid: string, flags: Flags) => send(context, openid, flags));
}

/** While the user's latest message is being answered, ours has to wait. */
const patienceMs = 20_000;
const tryAgainMs = 250;

const problems: Readonly<Record<string, string>> = {
  no_message: 'this user never wrote to the account: WeChat lets nobody begin a conversation',
  window_closed: 'the reply window is over, WeChat would refuse it; --force tries all the same',
  busy: 'their latest message is still being answered; try again in a moment',
};

/** Behind what is on its way to the user. */
async function send(context: CommandContext, openid: string, flags: Flags): Promise<void> {
  const { force = false, json = false } = flags;
  const payloads = await payloadsOf(flags.text);
  await withDatabase(context, async (pool) => {
    const account = flags.account ?? (await onlyAccountOf(pool, openid));
    if (account === undefined) throw new Error(`${openid}: ${problems.no_message}`);
    const deliveries: string[] = [];
    for (const payload of payloads) {
      const { result, delivery_id } = await queue(pool, [account, openid, payload, force]);
      if (result !== 'queued') throw new Error(`${openid}: ${problems[result] ?? result}`);
      deliveries.push(delivery_id ?? '');
    }
    if (json) return printJson(context, { account, openid, deliveries });
    const [first] = deliveries;
    print(context, `queued as delivery ${deliveries.join(', ')}; see wechat-outbox show --delivery ${first}`);
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
