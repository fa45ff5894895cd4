import type { Pool } from '../../db/pool.js';
import type { Subject } from '../context.js';
import type { ConversationState, JsonValue, StoredState } from '../router.js';
import { ContextError } from './errors.js';
import { toStoredJson } from './json.js';

const getSql = `
  select value, version from wechat.conversation_state where app_id = $1 and openid = $2 and value is not null`;

/**
 * One statement: the version is compared under the row's lock. The message is locked too, lest its user be forgotten meanwhile and
 * leave something behind: then nothing is stored.
 */
const setSql = `
  with known as materialized (
    select m.app_id, m.openid from wechat.inbound_message m
    where m.id = $3 and m.app_id = $1 and m.openid = $2 and m.forgotten_at is null
    for key share of m
  ),
  stored as (
    insert into wechat.conversation_state as s (app_id, openid, value, version)
    select app_id, openid, $4::jsonb, 1 from known
    where coalesce($5::integer, 0) = 0
      or exists (select from wechat.conversation_state s where s.app_id = $1 and s.openid = $2)
    on conflict (app_id, openid) do update
    set value = excluded.value, version = s.version + 1, updated_at = now()
    where $5::integer is null or case when s.value is null then 0 else s.version end = $5
    returning version
  )
  select exists (select from known) as is_known, exists (select from stored) as is_stored`;

/** The row stays for a while: who has read an earlier version must not take the next first for it. */
const clearSql = `
  update wechat.conversation_state set value = null, version = version + 1, updated_at = now()
  where app_id = $1 and openid = $2 and value is not null`;

/** A small value of each conversation, under a version that every change raises. */
export function createState(pool: Pool): (subject: Subject) => ConversationState {
  return ({ account, openid, messageId }) => {
    const conversation = [account.appId, openid];
    return {
      async get() {
        const { rows } = await pool.query<StoredState>({
          name: 'state_get',
          text: getSql,
          values: conversation,
        });
        return rows[0];
      },
      async set(value: JsonValue, { ifVersion }: { ifVersion?: number } = {}) {
        if (ifVersion !== undefined && !(Number.isInteger(ifVersion) && ifVersion >= 0))
          throw new ContextError(`state.set: ifVersion ${ifVersion} is no version`);
        const { rows } = await pool.query<{ is_known: boolean; is_stored: boolean }>({
          name: 'state_set',
          text: setSql,
          values: [...conversation, messageId, toStoredJson(value, 'state.set'), ifVersion],
        });
        const [result] = rows;
        if (!result?.is_known) throw new ContextError('state.set: the user was forgotten');
        return result.is_stored ? 'stored' : 'conflict';
      },
      async clear() {
        await pool.query({ name: 'state_clear', text: clearSql, values: conversation });
      },
    };
  };
}

/** How long a version goes on that nobody uses. */
const clearedDays = 1;

/** Deletes the rows of what was cleared some time ago. */
export async function deleteClearedStates(pool: Pool): Promise<void> {
  await pool.query(
    `delete from wechat.conversation_state where value is null and updated_at < now() - $1 * interval '1 day'`,
    [clearedDays],
  );
}
