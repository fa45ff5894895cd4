import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from '../db/pool.js';
import { fitReplies } from '../replies/fit.js';
import { encodePayload, text, toWire } from '../wechat/out/reply.js';
import { onlyAccountOf } from './account-of.js';
import { print, printJson } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';

export interface SendOptions {
  environment: Environment;
  openid: string;
  text: string;
  account: string | undefined;
  force: boolean;
  json: boolean;
}

/** While the user's latest message is being answered, ours has to wait. */
const patienceMs = 20_000;
const tryAgainMs = 250;

const problems: Readonly<Record<string, string>> = {
  no_message: 'this user never wrote to the account: WeChat lets nobody begin a conversation',
  window_closed: 'the reply window is over, WeChat would refuse it; --force tries all the same',
  busy: 'their latest message is still being answered; try again in a moment',
};

/** `wechat-outbox send OPENID --text …`: through the outbox, behind what is on its way to the user. */
export async function sendCommand(options: SendOptions): Promise<void> {
  const { environment, openid, force, json } = options;
  const fitted = fitReplies(text(options.text), { onOverflow: 'refuse', notice: '' });
  const replies = fitted.kind === 'fits' ? fitted.replies : [];
  await withDatabase(environment, async (pool) => {
    const account = options.account ?? (await onlyAccountOf(pool, openid));
    if (account === undefined) throw new Error(`${openid}: ${problems.no_message}`);
    const deliveries: string[] = [];
    for (const reply of replies) {
      const payload = encodePayload(toWire(reply));
      const { result, delivery_id } = await queue(pool, [account, openid, payload, force]);
      if (result !== 'queued') throw new Error(`${openid}: ${problems[result] ?? result}`);
      deliveries.push(delivery_id ?? '');
    }
    if (json) printJson({ account, openid, deliveries });
    else
      print(
        `queued as delivery ${deliveries.join(', ')}; see wechat-outbox show --delivery ${deliveries[0]}`,
      );
  });
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
