import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';

/** What became of the lanes that a worker was told of. */
export interface ClaimResult {
  /** Ids of the lanes that are this worker's now. */
  held: string[];
  /** Free and due, but somebody had the row locked for a moment and may roll back: to be asked for again soon. */
  busy: string[];
}

/**
 * The accounts that rest, but for those whose pause somebody has locked at this moment. It may be who ends it, and may have rung
 * already, for what was due then, though it is still to commit. Where it is who only changes it, a lane is claimed too many: its
 * worker looks at the pause before each send, and gives it back.
 */
const restingParts = `
  resting as materialized (
    select app_id, probe_lane_id, overdue_lane_ids, overdue_at from wechat.account_pause for share skip locked
  )`;

/** A pause lets through the lane that probes it, and lanes whose reply windows are over, to be ended without a call. */
const isHeldBack = `
  exists (
    select from resting r
    where r.app_id = l.app_id and r.probe_lane_id is distinct from l.id
      and not (l.id = any(r.overdue_lane_ids) and l.due_at <= r.overdue_at))`;

/**
 * Takes the lanes that are free and due, waits for nobody, and looks at no message: that is the next statement's, for a lock
 * that is taken inside a statement keeps the snapshot from before it (see look.ts).
 *
 * Lanes of an account that rests are left alone, but for what its pause lets through. The row of the pause is locked with the
 * claim: whoever ends the pause waits for this statement, then sees the lanes that it left (`wechat.end_pause`).
 *
 * A worker that was declared dead takes nothing. May run again with the same number: it then finds what it took.
 */
const claimSql = `
  with ${restingParts},
  wanted as materialized (
    select l.id from wechat.lane l
    where l.id = any($1::bigint[])
      and ((l.claim is null and l.due_at <= now() and not ${isHeldBack}) or l.claim = $3)
      and exists (select from wechat.worker_process w where w.id = $2 and w.ended_at is null)
    for update of l skip locked
  )
  update wechat.lane l set claim = $3, worker_id = $2, claimed_at = now()
  from wanted where l.id = wanted.id
  returning l.id`;

/**
 * Of lanes that were not taken: which are this claim's all the same, by an earlier try that was still to commit, and which are
 * to be asked for again. All others need no further ring: they are gone, held by somebody who will see what came, due later with a job of their own, or of an account that rests, whose end rings.
 */
const busySql = `
  with ${restingParts}
  select l.id, l.claim is not null as is_held from wechat.lane l
  where l.id = any($1::bigint[]) and (l.claim = $2 or (l.claim is null and l.due_at <= now() and not ${isHeldBack}))`;

export function createClaim(pool: Pool): {
  claim(laneIds: readonly string[], workerId: number, claim: string): Promise<ClaimResult>;
} {
  async function askAgain(laneIds: readonly string[], claim: string): Promise<ClaimResult> {
    const { rows } = await pool.query<{ id: string; is_held: boolean }>({
      name: 'busy',
      text: busySql,
      values: [column(laneIds, (id) => id), claim],
    });
    const idsWhere = (isHeld: boolean) => rows.filter((row) => row.is_held === isHeld).map(({ id }) => id);
    return { held: idsWhere(true), busy: idsWhere(false) };
  }

  return {
    async claim(laneIds, workerId, claim) {
      const { rows } = await pool.query<{ id: string }>({
        name: 'claim',
        text: claimSql,
        values: [column(laneIds, (id) => id), workerId, claim],
      });
      const held = rows.map(({ id }) => id);
      if (held.length === laneIds.length) return { held, busy: [] };
      const taken = new Set(held);
      const others = await askAgain(
        laneIds.filter((id) => !taken.has(id)),
        claim,
      );
      return { held: [...held, ...others.held], busy: others.busy };
    },
  };
}

/**
 * Numbers for claims, unique over all workers and all time: the worker's id, which the database gave it, and a count. A number
 * that the database drew for each claim would not do: its commit need not wait for the disk, and a crash of Postgres could give
 * the same number out again.
 */
export function createClaimNumbers(): (workerId: number) => string {
  let count = 0n;
  return (workerId) => {
    count += 1n;
    return ((BigInt(workerId) << 32n) | count).toString();
  };
}
