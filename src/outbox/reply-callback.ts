import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';

/** Answers that come later (migrations/0011_http_replies.sql). */

/** A token that is about to be given to a back end, with the message that it may answer. */
export interface IssuedCallback {
  /** SHA-256 of the token. */
  tokenHash: Buffer;
  appId: string;
  openid: string;
  messageId: string;
  source: string;
  expiresAt: Date;
}

/** What was known of a message before a back end is asked. */
export type AwaitedReply =
  | { state: 'answered'; answer: unknown }
  | { state: 'awaited'; until: Date }
  | { state: 'over' }
  | { state: 'none' };

/** What became of an answer that was posted. `open`: none was given, and one would be taken. */
export type AcceptedReply =
  | { result: 'accepted' | 'repeated' | 'conflict' | 'expired' | 'open'; appId: string; messageId: string }
  | { result: 'unknown' };

/** Stores tokens, but for messages of which there are some already: those have to be looked at one by one. */
const issueSql = `
  with input as materialized (
    select decode(token_hash, 'hex') as token_hash, app_id, openid, message_id, source, expires_at
    from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[])
      as i (token_hash, app_id, openid, message_id, source, expires_at)
  )
  insert into wechat.reply_callback (token_hash, app_id, openid, message_id, source, expires_at)
  select i.token_hash, i.app_id, i.openid, i.message_id, i.source, i.expires_at
  from input i
  where not exists (
    select from wechat.reply_callback c
    where c.message_id = i.message_id and c.source = i.source and c.token_hash <> i.token_hash)
  on conflict (token_hash) do update set expires_at = excluded.expires_at
  returning encode(token_hash, 'hex') as token_hash`;

const insertSql = `
  insert into wechat.reply_callback (token_hash, app_id, openid, message_id, source, expires_at)
  values ($1, $2, $3, $4, $5, $6)`;

const dropSql = `
  delete from wechat.reply_callback where token_hash in (select decode(hash, 'hex') from unnest($1::text[]) as i (hash))`;

export interface ReplyCallbacks {
  /** True where the token is stored; false where the message has others, and was not touched. May run again. */
  issue(callbacks: readonly IssuedCallback[]): Promise<boolean[]>;
  /** One more token for a message that has some. */
  issueAnother(callback: IssuedCallback): Promise<void>;
  /** Closes what has expired. */
  lookAt(messageId: string, source: string): Promise<AwaitedReply>;
  /** The back end answers later. Returns its answer, should it have come by now. */
  awaitReply(tokenHash: Buffer): Promise<{ answer: unknown } | undefined>;
  /** These tokens are good no more: the back end has answered at once. */
  drop(tokenHashes: readonly Buffer[]): Promise<void>;
}

export function createReplyCallbacks(pool: Pool): ReplyCallbacks {
  return {
    async issue(callbacks) {
      const hexOf = ({ tokenHash }: IssuedCallback) => tokenHash.toString('hex');
      const { rows } = await pool.query<{ token_hash: string }>({
        name: 'issue_callback',
        text: issueSql,
        values: [
          column(callbacks, hexOf),
          column(callbacks, ({ appId }) => appId),
          column(callbacks, ({ openid }) => openid),
          column(callbacks, ({ messageId }) => messageId),
          column(callbacks, ({ source }) => source),
          column(callbacks, ({ expiresAt }) => expiresAt),
        ],
      });
      const stored = new Set(rows.map(({ token_hash }) => token_hash));
      return callbacks.map((callback) => stored.has(hexOf(callback)));
    },

    async issueAnother({ tokenHash, appId, openid, messageId, source, expiresAt }) {
      await pool.query(insertSql, [tokenHash, appId, openid, messageId, source, expiresAt]);
    },

    async lookAt(messageId, source) {
      const { rows } = await pool.query<{ state: AwaitedReply['state']; answer: unknown; until: Date }>(
        'select state, answer, until from wechat.awaited_reply($1, $2)',
        [messageId, source],
      );
      const { state = 'none', answer, until = new Date(0) } = rows[0] ?? {};
      if (state === 'answered') return { state, answer };
      return state === 'awaited' ? { state, until } : { state };
    },

    async awaitReply(tokenHash) {
      const { rows } = await pool.query<{ answer: unknown }>(
        `select answer from wechat.await_reply($1) as awaited (answer) where answer is not null`,
        [tokenHash],
      );
      return rows[0];
    },

    async drop(tokenHashes) {
      await pool.query({
        name: 'drop_callback',
        text: dropSql,
        values: [column(tokenHashes, (hash) => hash.toString('hex'))],
      });
    },
  };
}

/** Stores an answer that was posted and has a worker told of it; without one, says what would become of it. */
export type AcceptReply = (
  tokenHash: Buffer,
  bodyHash: Buffer,
  answer: { value: unknown } | undefined,
) => Promise<AcceptedReply>;

export function createAcceptReply(pool: Pool): AcceptReply {
  return async (tokenHash, bodyHash, answer) => {
    const { rows } = await pool.query<{ result: string; message_id: string | null; app_id: string | null }>(
      'select result, message_id, app_id from wechat.accept_reply($1, $2, $3)',
      [tokenHash, bodyHash, answer ? JSON.stringify(answer.value) : null],
    );
    const [row] = rows;
    if (!row?.message_id || row.app_id === null || row.result === 'unknown') return { result: 'unknown' };
    return {
      result: row.result as Exclude<AcceptedReply['result'], 'unknown'>,
      messageId: row.message_id,
      appId: row.app_id,
    };
  };
}

/** Of one that has expired, a repeated post is still told the same for so long. */
const keptAfterMinutes = 60;

/** Deletes callbacks that have expired long ago; the rest is the next call's. Returns how many. */
export async function deleteExpiredCallbacks(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from wechat.reply_callback where token_hash in (
       select token_hash from wechat.reply_callback
       where expires_at < now() - $1 * interval '1 minute' order by expires_at limit 5000)`,
    [keptAfterMinutes],
  );
  return rowCount ?? 0;
}
