import type { Pool } from '../db/pool.js';

/** A conversation: an account, and one of its users. */
export interface Conversation {
  appId: string;
  openid: string;
}

/** What a worker says of takeovers by itself. Each may be said again: the second time nothing is left to do. */
export interface Handovers {
  /** For the reply logic: from now on the conversation waits for a person. */
  requestPerson(conversation: Conversation, reason: string): Promise<void>;
  /** The user wants the reply logic back. False where it was not away. */
  returnByUser(conversation: Conversation): Promise<boolean>;
  /** Tencent's own customer service has the user (`kfAccount`), or has them no more (undefined). True while anybody has them. */
  followSession(conversation: Conversation, kfAccount: string | undefined): Promise<boolean>;
}

/** `forget_handover`, `take_over` and the like are for people: see migrations/0006_handover.sql. */
export function createHandovers(pool: Pool): Handovers {
  return {
    async requestPerson({ appId, openid }, reason) {
      await pool.query('select wechat.request_person($1, $2, $3)', [appId, openid, reason]);
    },
    async returnByUser({ appId, openid }) {
      const { rows } = await pool.query<{ returned: boolean }>(
        'select wechat.return_by_user($1, $2) as returned',
        [appId, openid],
      );
      return rows[0]?.returned ?? false;
    },
    async followSession({ appId, openid }, kfAccount) {
      const { rows } = await pool.query<{ is_taken: boolean }>(
        'select wechat.follow_session($1, $2, $3) as is_taken',
        [appId, openid, kfAccount],
      );
      return rows[0]?.is_taken ?? false;
    },
  };
}

/** Handed back in one round. */
const batch = 100;

/**
 * Hands back the conversations in which no agent has said a word for so long. One at a time, each in a transaction of its own:
 * a lane that somebody has locked holds up no other.
 *
 * @param idleMinutes 0: only those that have a time of their own, or that nobody came for
 * @returns how many
 */
export async function returnIdle(pool: Pool, idleMinutes: number): Promise<number> {
  const idle = idleMinutes === 0 ? null : `${idleMinutes} minutes`;
  const { rows } = await pool.query<{ app_id: string; openid: string }>({
    name: 'idle',
    text: `select h.app_id, h.openid from wechat.handover h
      where wechat.returns_at(h, $1) <= now() order by h.last_word_at limit ${batch}`,
    values: [idle],
  });
  let returned = 0;
  for (const { app_id, openid } of rows) {
    const { rows: done } = await pool.query<{ returned: boolean }>(
      'select wechat.return_idle($1, $2, $3) as returned',
      [app_id, openid, idle],
    );
    if (done[0]?.returned) returned += 1;
  }
  return returned;
}

/** A page asks again within seconds, if at all. */
const keysDays = 1;

/** Forgets the keys of what agents sent long ago. */
export async function deleteSendKeys(pool: Pool): Promise<void> {
  await pool.query(`delete from wechat.agent_send_key where sent_at < now() - $1 * interval '1 day'`, [
    keysDays,
  ]);
}
