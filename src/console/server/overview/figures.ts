import type { Pool } from '../../../db/pool.js';
import type { Now } from '../../contract/overview.js';

export type Figures = Pick<Now, 'minutes' | 'answerMs'>;

type Minute = Now['minutes'][number];

const minuteMs = 60_000;
const shownMinutes = 60;
/** A call ends within so long after it began; so older minutes change no more. */
const openMinutes = 2;
/** Of the last 15 minutes. */
const answersMinutes = 15;

/** Read anew no sooner than this, and so seldom that reading takes a fiftieth of the time at most. */
const pauseMs = 10_000;
const costFactor = 50;

/**
 * By the BRIN indexes on times, but for what ended unsent without a call, which has an index of its own. Of all else that ended unsent
 * the end is that of its last call, however long ago it was planned; each is looked up by its key, and not by reading them all.
 */
const minutesSql = `
  select extract(epoch from minute) * 1000 as at, sum(received)::int as received, sum(sent)::int as sent,
    sum(failed)::int as failed
  from (
    select date_trunc('minute', received_at) as minute, count(*) as received, 0 as sent, 0 as failed
    from wechat.inbound_message where received_at >= $1 group by 1
    union all
    select date_trunc('minute', finished_at), 0, count(*), 0
    from wechat.delivery_attempt
    where started_at >= $1::timestamptz - interval '1 minute' and finished_at >= $1 and outcome = 'sent' group by 1
    union all
    select date_trunc('minute', a.finished_at), 0, 0, count(*)
    from wechat.delivery_attempt a
    cross join lateral (
      select from wechat.delivery d
      where d.id = a.delivery_id and d.attempts = a.attempt and d.ended_unsent and d.status <> 'cancelled' limit 1) d
    where a.started_at >= $1::timestamptz - interval '1 minute' and a.finished_at >= $1 and a.outcome <> 'sent' group by 1
    union all
    select date_trunc('minute', created_at), 0, 0, count(*)
    from wechat.delivery
    where ended_unsent and app_id in (select wechat.accounts()) and created_at >= $1 and attempts = 0 and status <> 'cancelled'
    group by 1
  ) told
  group by 1`;

/** A reply is planned after its message is stored: by that its part of the table is found, too. */
const answersSql = `
  select percentile_cont(0.5) within group (order by ms) as p50, percentile_cont(0.95) within group (order by ms) as p95
  from (
    select extract(epoch from min(d.sent_at) - m.received_at)::double precision * 1000 as ms
    from wechat.inbound_message m join wechat.delivery d on d.message_id = m.id
    where m.received_at >= $1 and d.created_at >= $1 and d.status = 'sent' and d.origin = 'reply'
    group by m.id
  ) answer`;

/** What would be dear to count for every look: minutes that are over are kept. */
export function createFigures(
  pool: Pool,
  now: () => number = () => performance.now(),
): { read(at: Date): Promise<Figures> } {
  let minutes = new Map<number, Minute>();
  let answerMs: Figures['answerMs'] = { p50: null, p95: null };
  let lastMinute: number | undefined;
  let nextAt = 0;

  async function refresh(at: Date): Promise<void> {
    const thisMinute = Math.floor(at.getTime() / minuteMs) * minuteMs;
    const firstShown = thisMinute - (shownMinutes - 1) * minuteMs;
    const from = Math.max(firstShown, (lastMinute ?? 0) - openMinutes * minuteMs);
    const { rows } = await pool.query<Omit<Minute, 'at'> & { at: string }>(minutesSql, [new Date(from)]);
    const read = new Map(rows.map((row) => [Number(row.at), row]));
    const kept = minutes;
    minutes = new Map();
    for (let start = firstShown; start <= thisMinute; start += minuteMs) {
      const {
        received = 0,
        sent = 0,
        failed = 0,
      } = (start >= from ? read.get(start) : kept.get(start)) ?? {};
      minutes.set(start, { at: new Date(start).toISOString(), received, sent, failed });
    }
    lastMinute = thisMinute;
    const since = new Date(at.getTime() - answersMinutes * minuteMs);
    const answers = await pool.query<Figures['answerMs']>(answersSql, [since]);
    answerMs = answers.rows[0] ?? answerMs;
  }

  return {
    async read(at) {
      const startedAt = now();
      if (startedAt >= nextAt) {
        try {
          await refresh(at);
        } finally {
          // Also where it failed, as at the limit for statements: then it would fail again.
          nextAt = now() + Math.max(pauseMs, costFactor * (now() - startedAt));
        }
      }
      return { minutes: [...minutes.values()], answerMs };
    },
  };
}
