import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import type { Hold } from './lane.js';

/** An attempt that is about to be made. */
export interface Begin extends Hold {
  deliveryId: string;
  /** Its number, from 1. */
  attempt: number;
}

/**
 * The fence: an attempt begins only while the lane is held by this claim. The lane's row is locked until the commit, so whoever
 * gives the lane away waits, and who takes it over finds the attempt begun. None begins for a reply of the reply logic where an
 * agent took the conversation over and chose so: that is the locked row's to say. May run again.
 */
const beginSql = `
  with held as materialized (
    select i.claim, i.delivery_id, i.attempt, l.hushed
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[]) as i (lane_id, claim, delivery_id, attempt)
    join wechat.lane l on l.id = i.lane_id and l.claim = i.claim
    order by l.app_id, l.openid, l.slot for update of l
  )
  update wechat.delivery d
  set status = 'sending', attempts = held.attempt, attempt_started_at = now(), next_attempt_at = null
  from held
  where d.id = held.delivery_id and d.status in ('pending', 'sending')
    and d.attempts in (held.attempt - 1, held.attempt)
    and not (held.hushed and d.origin = 'reply')
  returning d.id, held.claim`;

/**
 * Notes that the reply logic of a lane under suspicion starts: should the worker die now, it is known which one ran.
 */
const suspectSql = `
  update wechat.lane set suspected_at = now() where id = $1 and claim = $2`;

export function createBegin(pool: Pool): {
  /** True where the attempt may be made; false where the lane is another's, or the delivery has ended. */
  begin(begins: readonly Begin[]): Promise<boolean[]>;
  /** False where the lane is another worker's by now. */
  suspect(hold: Hold): Promise<boolean>;
} {
  return {
    async begin(begins) {
      const { rows } = await pool.query<{ id: string; claim: string }>({
        name: 'begin',
        text: beginSql,
        values: [
          column(begins, ({ laneId }) => laneId),
          column(begins, ({ claim }) => claim),
          column(begins, ({ deliveryId }) => deliveryId),
          column(begins, ({ attempt }) => attempt),
        ],
      });
      const begun = new Set(rows.map(({ id, claim }) => `${id} ${claim}`));
      return begins.map(({ deliveryId, claim }) => begun.has(`${deliveryId} ${claim}`));
    },

    async suspect({ laneId, claim }) {
      const { rowCount } = await pool.query(suspectSql, [laneId, claim]);
      return rowCount === 1;
    },
  };
}
