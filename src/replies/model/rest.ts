import type { Pool } from '../../db/pool.js';
import { maxTextBytes, splitText } from '../fit.js';

/** Messages that WeChat takes on one of the user's, where the context does not say. */
const usualQuota = 5;

export interface Portion {
  /** To be sent now. */
  parts: readonly string[];
  /** To be kept until the user asks to go on. */
  rest: readonly string[];
}

/** Divides an answer into messages that may be sent now, the last with the notice that there is more, and the rest. */
export function portionOf(text: string, quota: number | undefined, notice: string): Portion {
  const most = Math.max(1, quota ?? usualQuota);
  const whole = splitText(text, maxTextBytes, most + 1);
  if (whole.length <= most) return { parts: whole, rest: [] };
  return nextPortion(splitText(text, maxTextBytes - Buffer.byteLength(notice) - 2), quota, notice);
}

/** The same of parts that were kept: each has room for the notice. */
export function nextPortion(kept: readonly string[], quota: number | undefined, notice: string): Portion {
  const most = Math.max(1, quota ?? usualQuota);
  const parts = kept.slice(0, most);
  const rest = kept.slice(most);
  const last = parts.at(-1);
  if (rest.length === 0 || last === undefined) return { parts, rest };
  return { parts: [...parts.slice(0, -1), `${last}\n\n${notice}`], rest };
}

/** The rest of long answers, by the message that left it: so that asking twice for one message gives the same. */
export interface RestStore {
  /** What the last message before this one left. */
  before(openid: string, messageId: string): Promise<readonly string[]>;
  /** What this message leaves; what earlier ones left has no use any more, but for the one that this one went on with. */
  keep(openid: string, messageId: string, parts: readonly string[]): Promise<void>;
}

const beforeSql = `
  select parts from wechat.model_rest
  where app_id = $1 and openid = $2 and message_id < $3
  order by message_id desc limit 1`;

/** The one before stays: should the process die now, it is asked for again. */
const keepSql = `
  with old as (
    delete from wechat.model_rest r
    where r.app_id = $1 and r.openid = $2 and r.message_id < (
      select max(b.message_id) from wechat.model_rest b where b.app_id = $1 and b.openid = $2 and b.message_id < $3)
  )
  insert into wechat.model_rest (app_id, openid, message_id, parts)
  select $1, $2, $3, $4
  where cardinality($4::text[]) > 0 or exists (
    select from wechat.model_rest b where b.app_id = $1 and b.openid = $2 and b.message_id < $3)
  on conflict (message_id) do update set parts = excluded.parts`;

export function createRestStore(pool: Pool, appId: string): RestStore {
  return {
    async before(openid, messageId) {
      const values = [appId, openid, messageId];
      const { rows } = await pool.query<{ parts: string[] }>({ name: 'model_rest', text: beforeSql, values });
      return rows[0]?.parts ?? [];
    },
    async keep(openid, messageId, parts) {
      const values = [appId, openid, messageId, parts];
      await pool.query({ name: 'model_keep_rest', text: keepSql, values });
    },
  };
}
