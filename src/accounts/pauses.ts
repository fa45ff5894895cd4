import type { Pool } from '../db/pool.js';

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
}

/** What led WeChat to refuse an account's calls. */
export interface PauseCause {
  appId: string;
  reason: Exclude<PauseReason, 'operator'>;
  /** Until one message is let through. */
  forMs: number;
  errcode: number | undefined;
  errmsg: string;
}

/**
 * Accounts that rest, kept in Postgres so that all processes obey: claims pass them over (see claim.ts), and what is
 * claimed already looks here before each send. A pause of WeChat's making ends by a probe: when its time is over one
 * message is let through, and any answer that is not about the account itself wakes the rest.
 */
export interface Pauses {
  /** As of the last `refresh`, and what this process paused since. Costs no query. */
  isPaused(appId: string): boolean;
  /** All pauses, read anew. */
  refresh(): Promise<Pause[]>;
  /** An operator's pause stays as it is, and so does one that lasts longer. @returns whether it is new */
  pause(cause: PauseCause): Promise<boolean>;
  /** @returns whether it was paused */
  resume(appId: string): Promise<boolean>;
  /** Lets one message of each account through whose time has come. @returns their accounts */
  probe(): Promise<{ appId: string; messageId: string | undefined }[]>;
}

/** How long the next probe waits when this one brings no answer. */
const nextProbe = '5 minutes';

/** A new refusal after a probe makes it wait again, for its whole time. */
const pauseSql = `
  insert into wechat.account_pause as p (app_id, reason, errcode, errmsg, probe_at)
  values ($1, $2, $3, $4, now() + $5 * interval '1 ms')
  on conflict (app_id) do update
  set reason = excluded.reason, errcode = excluded.errcode, errmsg = excluded.errmsg,
      probe_at = greatest(p.probe_at, excluded.probe_at), probe_message_id = null
  where p.reason <> 'operator'
  returning paused_at = now() as fresh`;

/** Without a message to send there is nothing to wait for: the next one that comes will tell. One process at a time. */
const probeSql = `
  with due as (
    select p.app_id from wechat.account_pause p where p.probe_at <= now() for update skip locked
  ),
  chosen as (
    select due.app_id, (
      select m.id from wechat.inbound_message m
      where m.app_id = due.app_id and m.settled_at is null and m.claimed_by is null and m.due_at <= now()
        and m.id = (
          select head.id from wechat.inbound_message head
          where head.app_id = m.app_id and head.openid = m.openid and head.settled_at is null
          order by head.id limit 1)
      order by m.status, m.id limit 1) as message_id
    from due
  ),
  let_through as (
    update wechat.account_pause p
    set probe_message_id = c.message_id, probe_at = now() + interval '${nextProbe}'
    from chosen c where p.app_id = c.app_id and c.message_id is not null
    returning p.app_id
  ),
  job as (
    select wechat.add_answer_jobs(array_agg(message_id), array_agg(true), array_agg(now()))
    from chosen where message_id is not null having count(*) > 0
  )
  select app_id, message_id from chosen cross join (select count(*) from job) as added`;

export function createPauses(pool: Pool): Pauses {
  let paused: ReadonlySet<string> = new Set();

  async function resume(appId: string): Promise<boolean> {
    const { rows } = await pool.query<{ resumed: boolean }>('select wechat.end_pause($1) as resumed', [
      appId,
    ]);
    paused = new Set([...paused].filter((other) => other !== appId));
    return rows[0]?.resumed ?? false;
  }

  return {
    isPaused: (appId) => paused.has(appId),

    async refresh() {
      const pauses = await readPauses(pool);
      paused = new Set(pauses.map(({ appId }) => appId));
      return pauses;
    },

    async pause({ appId, reason, errcode, errmsg, forMs }) {
      paused = new Set([...paused, appId]);
      const { rows } = await pool.query<{ fresh: boolean }>(pauseSql, [
        appId,
        reason,
        errcode ?? null,
        errmsg.replaceAll('\0', ''),
        forMs,
      ]);
      return rows[0]?.fresh ?? false;
    },

    resume,

    async probe() {
      const { rows } = await pool.query<{ app_id: string; message_id: string | null }>(probeSql);
      for (const { app_id: appId, message_id: messageId } of rows)
        if (messageId === null) await resume(appId);
      return rows.map(({ app_id, message_id }) => ({ appId: app_id, messageId: message_id ?? undefined }));
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
  }>('select app_id, reason, errcode, errmsg, paused_at, probe_at from wechat.account_pause order by app_id');
  return rows.map((row) => ({
    appId: row.app_id,
    reason: row.reason,
    errcode: row.errcode ?? undefined,
    errmsg: row.errmsg ?? undefined,
    pausedAt: row.paused_at,
    probeAt: row.probe_at ?? undefined,
  }));
}

/** For logs and people: what rests, why, and until when. */
export function describePause(
  { appId, reason, errcode, errmsg, pausedAt, probeAt }: Pause,
  toText = (time: Date) => time.toISOString(),
): string {
  const cause = [errcode, errmsg].filter((part) => part !== undefined).join(' ');
  const until = probeAt ? `tried again at ${toText(probeAt)}` : `until "wechat-outbox resume ${appId}"`;
  return `${appId} rests since ${toText(pausedAt)} (${reason}${cause && `: ${cause}`}), ${until}`;
}
