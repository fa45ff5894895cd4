import { z } from 'zod';
import type { AccessTokens } from '../../../accounts/access-token.js';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import type { SendClients } from '../../../sending/clients.js';
import type { AppCredentials, SessionOutcome } from '../../../wechat/out/client.js';
import { errorReason, TokenError } from '../../../wechat/out/errors.js';
import type { ReadRequest, ReturnResult, TakeRequest, TakeResult } from '../../contract/conversations.js';
import { id, text } from '../http/input.js';
import { Refusal } from '../http/refusal.js';
import { asPerson } from '../http/transaction.js';
import type { Address } from './address.js';

export const takeShape = z.strictObject({
  pending: z.enum(['cancel', 'send']),
  steal: z.boolean().default(false),
}) satisfies z.ZodType<TakeRequest>;

export const readShape = z.strictObject({ messageId: id }) satisfies z.ZodType<ReadRequest>;

/** `name@account`, as Tencent's page of its agents shows it. */
export const transferShape = z.strictObject({ kfAccount: text(100).regex(/^[^\s@]+@[^\s@]+$/) });

export async function take(
  pool: Pool,
  { appId, openid }: Address,
  agent: string,
  { pending, steal = false }: TakeRequest,
): Promise<TakeResult> {
  const { rows } = await asPerson(pool, agent, (client) =>
    client.query<{
      result: 'taken' | 'held' | 'no_conversation';
      held_by: string | null;
      since: Date | null;
    }>('select * from wechat.take_over($1, $2, $3, pending => $4, steal => $5)', [
      appId,
      openid,
      agent,
      pending,
      steal,
    ]),
  );
  const [row] = rows;
  if (row?.result === 'held')
    return { kind: 'held', agent: row.held_by ?? '', since: (row.since ?? new Date()).toISOString() };
  return { kind: row?.result === 'taken' ? 'taken' : 'no_conversation' };
}

/** One that nobody has is with the replies already. */
export async function giveBack(pool: Pool, address: Address, agent: string): Promise<ReturnResult> {
  const { appId, openid } = address;
  const { rows } = await asPerson(pool, agent, (client) =>
    client.query<{ result: string }>('select wechat.hand_back($1, $2, $3) as result', [appId, openid, agent]),
  );
  if (rows[0]?.result !== 'not_yours') return { kind: 'returned' };
  return { kind: 'not_yours', agent: await holderOf(pool, address) };
}

/** Of all that an agent has not read this is behind: it never falls. Nothing is done where nobody has or awaits the conversation. */
export async function markRead(
  pool: Pool,
  { appId, openid }: Address,
  { messageId }: ReadRequest,
): Promise<void> {
  await pool.query(
    `update wechat.handover h
     set read_up_to = least($3, coalesce(wechat.latest_message($1, $2), 0))
     where h.app_id = $1 and h.openid = $2
       and h.read_up_to < least($3, coalesce(wechat.latest_message($1, $2), 0))`,
    [appId, openid, messageId],
  );
}

export interface TransferDependencies {
  pool: Pool;
  clients: { others(appId: string): Pick<ReturnType<SendClients['others']>, 'createSession'> };
  tokens: AccessTokens;
}

/**
 * First WeChat, then the table: a session that WeChat does not begin leaves all as it was, and of one that it began while our
 * answer was lost WeChat tells by an event.
 *
 * @throws Refusal where WeChat refuses
 */
export async function transfer(
  { pool, clients, tokens }: TransferDependencies,
  account: AppCredentials,
  address: Address,
  agent: string,
  kfAccount: string,
): Promise<ReturnResult> {
  const { appId, openid } = address;
  const holder = await holderOf(pool, address);
  if (holder !== agent) return { kind: 'not_yours', agent: holder };
  const client = clients.others(appId);
  const outcome = await withToken(tokens, account, (token) => client.createSession(token, openid, kfAccount));
  if (outcome.kind !== 'created') throw refusedByWeChat(outcome);
  const { rows } = await asPerson(pool, agent, (connection) =>
    connection.query<{ result: string }>('select wechat.transfer($1, $2, $3, $4) as result', [
      appId,
      openid,
      agent,
      kfAccount,
    ]),
  );
  if (rows[0]?.result === 'transferred') return { kind: 'returned' };
  return { kind: 'not_yours', agent: await holderOf(pool, address) };
}

/** Who has it, of ours or of Tencent's; null: nobody. */
export async function holderOf(pool: Pool, { appId, openid }: Address): Promise<string | null> {
  const { rows } = await pool.query<{ holder: string | null }>(
    'select coalesce(external, agent) as holder from wechat.handover where app_id = $1 and openid = $2',
    [appId, openid],
  );
  return rows[0]?.holder ?? null;
}

type WithRefusal = { kind: string; errorClass?: unknown };

/**
 * A call for which a person waits: once more with another token where WeChat refuses the one we have.
 *
 * @throws Refusal when no token can be had
 */
export async function withToken<Outcome extends WithRefusal>(
  tokens: AccessTokens,
  account: AppCredentials,
  call: (token: string) => Promise<Outcome>,
): Promise<Outcome> {
  try {
    const token = await tokens.get(account);
    const outcome = await call(token);
    if (outcome.kind !== 'refused' || outcome.errorClass !== 'token') return outcome;
    return await call(await tokens.replace(account, token));
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    throw new Refusal(
      502,
      'no_token',
      say(`No access token: ${error.message}`, `无法获取 access_token：${error.message}`),
    );
  }
}

/** In WeChat's words, and ours where we know the code. */
export function refusedByWeChat(outcome: Exclude<SessionOutcome, { kind: 'created' }>): Refusal {
  if (outcome.kind !== 'refused')
    return new Refusal(
      502,
      'wechat_away',
      say(`WeChat did not answer: ${outcome.errmsg}`, `微信没有响应：${outcome.errmsg}`),
    );
  const { errcode, errmsg } = outcome;
  return new Refusal(
    502,
    'wechat_refused',
    say(
      `WeChat refused: ${errcode} ${errorReason(errcode, 'en') ?? errmsg}`,
      `微信拒绝：${errcode} ${errorReason(errcode, 'zh-CN') ?? errmsg}`,
    ),
  );
}
