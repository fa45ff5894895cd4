import { createPool, type Pool } from '#src/db/pool.js';
import { createArrive } from '#src/outbox/arrive.js';

const connections = 4;
const groupSize = 40;
const appId = 'wx-sequence';

/**
 * New lanes only, as fast as they can be stored: a message at or below the cursor of its new lane would never be found. That
 * happens where the cursor is read from the sequence instead of drawn from it.
 *
 * @param pool for looking at what came of it
 * @returns how many messages were stored, and how many of them lie so
 */
export async function storeNewLanes(
  url: string,
  pool: Pool,
  seconds: number,
): Promise<{ stored: number; below: number }> {
  const endsAt = Date.now() + seconds * 1_000;
  let user = 0;
  const options = { connectionString: url, name: 'sequence', max: 1, statementTimeoutMs: 60_000 };
  const storing = Array.from({ length: connections }, async () => {
    const own = createPool({ ...options, onError: () => undefined });
    const arrive = createArrive(own);
    while (Date.now() < endsAt) {
      const group = Array.from({ length: groupSize }, () => {
        user += 1;
        const openid = `s${user}`;
        const fields = { FromUserName: openid, MsgType: 'text', MsgId: String(user) };
        const message = {
          kind: 'text',
          toUserName: 'gh',
          openid,
          createTime: 1,
          content: '',
          msgId: String(user),
          fields,
        } as const;
        return { appId, ordered: true, message };
      });
      await arrive(group);
    }
    await own.end();
  });
  await Promise.all(storing);
  const { rows } = await pool.query<{ stored: number; below: number }>(
    `select count(*)::int as stored, (count(*) filter (where m.id <= l.done_id))::int as below
     from wechat.inbound_message m
     join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
     where m.app_id = $1`,
    [appId],
  );
  return rows[0] ?? { stored: 0, below: 0 };
}
