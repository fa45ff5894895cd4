import type { Pool } from '../db/pool.js';
import { createOverdue } from './overdue.js';

export type PauseReason = 'minute_quota' | 'daily_quota' | 'account' | 'operator';

/** An account whose sends rest. */
export interface Pause {
  appId: string;
  reason: PauseReason;
  errcode: number | undefined;
  errmsg: string | undefined;
  pausedAt: Date;
  /** When one message is let through to see whether it works again; undefined: only a command ends it. */
  probeAt: Date | undefined;
  /** Whether one is to be let through now, by the clock of Postgres. */
  isProbeDue: boolean;
}

/** What led WeChat to refuse an account's calls. */
export interface PauseCause {
  appId: string;
  /** Whose message was refused: the probe takes another where there is one. */
  laneId: string;
  reason: Exclude<PauseReason, 'operator'>;
  /** Until one lane is let through. */
  forMs: number;
  errcode: number | undefined;
  errmsg: string;
}

/**
 * Accounts that rest, kept in Postgres so that all processes obey: claims pass their lanes over (see outbox/claim.ts), and what
 * is claimed already looks here before each send. A pause of WeChat's making ends by a probe: when its time is over one lane is
 * let through, and any answer that is not about the account itself wakes the rest.
 */
export interface Pauses {
  /** As of the last `refresh`, and what this process paused since. Costs no query. */
  isPaused(appId: string): boolean;
  /** WeChat's code for which it rests, known as `isPaused` is. */
  causeOf(appId: string): number | undefined;
  /** All pauses, read anew. */
  refresh(): Promise<Pause[]>;
  /** An operator's pause stays as it is, and so does one that lasts longer. @returns whether it is new */
  pause(cause: PauseCause): Promise<boolean>;
  /** Ends a pause of WeChat's making; an operator's stays. @returns whether it was paused so */
  resume(appId: string): Promise<boolean>;
  /** Lets one lane of each account through whose time has come. @returns their accounts */
  probe(): Promise<{ appId: string; laneId: string | undefined }[]>;
  /**
   * Lets lanes through whose first message nobody may answer any more, so that it ends as expired and waits no longer. Each
   * call looks at some lanes of each account that rests, and goes on where the last one stopped. @returns how many it let through
   */
  overdue(): Promise<number>;
}

/** How long the next probe waits while this one is under way. */
const nextProbe = '5 minutes';

/** A new refusal after a probe makes it wait again, for its whole time. */
const pauseSql = `
  insert into wechat.account_pause as p (app_id, reason, errcode, errmsg, probe_at, cause_lane_id)
  values ($1, $2, $3, $4, now() + $5 * interval '1 ms', $6)
  on conflict (app_id) do update
  set reason = excluded.reason, errcode = excluded.errcode, errmsg = excluded.errmsg,
      probe_at = greatest(p.probe_at, excluded.probe_at), probe_lane_id = null, cause_lane_id = excluded.cause_lane_id
  where p.reason <> 'operator'
  returning paused_at = now() as fresh`;

const resumeSql = `
  select wechat.end_pause(app_id) as resumed from wechat.account_pause where app_id = $1 and reason <> 'operator'`;

/**
 * Its time has come, or what was let through has ended and told nothing: it had nothing to send, so there was no call. Where one
 * brought a response, the pause has ended, or waits for the time of the next probe and for no lane.
 */
const isDue = `
  (p.probe_at <= now()
    or (p.probe_lane_id is not null and not exists (select from wechat.lane l where l.id = p.probe_lane_id)))`;

/**
 * One process at a time. Without a lane that could be sent from there is nothing to wait for: the next message will tell.
 *
 * A message may be refused for its own sake. So another lane goes than the one that was refused, wherever there is one, and each
 * probe takes the one after the last; among the next few, one whose reply is made already, for it will surely be sent.
 */
const probeSql = `
  with due as materialized (
    select p.app_id, p.cause_lane_id, coalesce(p.probe_lane_id, p.cause_lane_id, 0) as last_lane_id
    from wechat.account_pause p where ${isDue} for update skip locked
  ),
  chosen as materialized (
    select due.app_id, (
      select near.id
      from (
        select l.id, l.app_id, l.openid, l.slot, l.done_id from wechat.lane l
        where l.app_id = due.app_id and l.claim is null and l.due_at <= now()
        order by l.id is not distinct from due.cause_lane_id, l.id <= due.last_lane_id, l.id limit 50
      ) near
      order by near.id is not distinct from due.cause_lane_id,
        not exists (
          select from wechat.delivery d
          where d.status in ('pending', 'sending') and d.message_id = (
            select m.id from wechat.inbound_message m
            where m.app_id = near.app_id and m.openid = near.openid and m.slot = near.slot and m.id > near.done_id
              and m.settled_at is null
            order by m.id limit 1)),
        near.id <= due.last_lane_id, near.id
      limit 1) as lane_id
    from due
  ),
  let_through as (
    update wechat.account_pause p
    set probe_lane_id = c.lane_id, probe_at = now() + interval '${nextProbe}'
    from chosen c where p.app_id = c.app_id and c.lane_id is not null
  ),
  job as (
    select wechat.ring(array_agg(lane_id), array_agg(true), array_agg(now()))
    from chosen where lane_id is not null having count(*) > 0
  )
  select app_id, lane_id from chosen cross join (select count(*) from job) as rung`;

export function createPauses(pool: Pool): Pauses {
  /** With the code of each. */
  let paused: ReadonlyMap<string, number | undefined> = new Map();
  const lookOn = createOverdue(pool);

  async function resume(appId: string): Promise<boolean> {
    const { rows } = await pool.query<{ resumed: boolean }>(resumeSql, [appId]);
    const resumed = rows[0]?.resumed ?? false;
    if (resumed) paused = new Map([...paused].filter(([other]) => other !== appId));
    return resumed;
  }

  return {
    isPaused: (appId) => paused.has(appId),
    causeOf: (appId) => paused.get(appId),

    async refresh() {
      const pauses = await readPauses(pool);
      paused = new Map(pauses.map(({ appId, errcode }) => [appId, errcode]));
      return pauses;
    },

    async pause({ appId, laneId, reason, errcode, errmsg, forMs }) {
      paused = new Map([...paused, [appId, errcode]]);
      const values = [appId, reason, errcode ?? null, errmsg.replaceAll('\0', ''), forMs, laneId];
      const { rows } = await pool.query<{ fresh: boolean }>(pauseSql, values);
      // A refresh may have read the table before this was in it.
      paused = new Map([...paused, [appId, errcode]]);
      return rows[0]?.fresh ?? false;
    },

    resume,

    async probe() {
      const { rows } = await pool.query<{ app_id: string; lane_id: string | null }>(probeSql);
      for (const { app_id: appId, lane_id: laneId } of rows) if (laneId === null) await resume(appId);
      return rows.map(({ app_id, lane_id }) => ({ appId: app_id, laneId: lane_id ?? undefined }));
    },

    async overdue() {
      let letThrough = 0;
      for (const appId of paused.keys()) letThrough += await lookOn(appId);
      return letThrough;
    },
  };
}

/** For those who only look: health checks and commands. */
export async function readPauses(pool: Pick<Pool, 'query'>): Promise<Pause[]> {
  const { rows } = await pool.query<{
    app_id: string;
    reason: PauseReason;
    errcode: number | null;
    errmsg: string | null;
    paused_at: Date;
    probe_at: Date | null;
    is_probe_due: boolean;
  }>(
    `select app_id, reason, errcode, errmsg, paused_at, probe_at, coalesce(${isDue}, false) as is_probe_due
     from wechat.account_pause p order by app_id`,
  );
  return rows.map((row) => ({
    appId: row.app_id,
    reason: row.reason,
    errcode: row.errcode ?? undefined,
    errmsg: row.errmsg ?? undefined,
    pausedAt: row.paused_at,
    probeAt: row.probe_at ?? undefined,
    isProbeDue: row.is_probe_due,
  }));
}

/** For health checks: what rests, why, and until when. */
export function describePause({ appId, reason, errcode, errmsg, pausedAt, probeAt }: Pause): string {
  const cause = [errcode, errmsg].filter((part) => part !== undefined).join(' ');
  const until = probeAt ? `tried again at ${probeAt.toISOString()}` : `until "wechat-outbox resume ${appId}"`;
  return `${appId} rests since ${pausedAt.toISOString()} (${reason}${cause && `: ${cause}`}), ${until}`;
}
