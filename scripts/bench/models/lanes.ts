/** Sketches of the lanes, with the rules that keep them right under races; retries, begin and release are left out. */
import { readFile } from 'node:fs/promises';
import { type Held, type Model, openSessions, type Query } from './model.ts';
import { hello, namedByJobs, sentNow } from './sample.ts';

const workerId = 1;

/** Lanes first, in one order; the ids are given after all locks. A job for every free lane that was touched. */
const arriveSql = `
  with i as materialized (
    select * from rows from (json_to_recordset($1) as (
      app_id text, dedupe_key text, openid text, msg_type text, event text, event_key text, content text,
      create_time float8, payload jsonb, window_ends_at float8, window_quota int, request_id text))
    with ordinality as i (app_id, dedupe_key, openid, msg_type, event, event_key, content,
      create_time, payload, window_ends_at, window_quota, request_id, n)
  ), touched as (
    insert into lane as l (app_id, openid, slot, arrivals, done_id, urgent_until)
    select app_id, openid, '', count(*), (select nextval('message_id_seq')),
      to_timestamp(max(window_ends_at) filter (where window_ends_at - create_time <= 300))
    from i group by app_id, openid order by app_id, openid
    on conflict (app_id, openid, slot) do update
    set arrivals = l.arrivals + excluded.arrivals, urgent_until = coalesce(excluded.urgent_until, l.urgent_until)
    returning l.id, l.app_id, l.openid, l.slot, l.claim is null as is_free, coalesce(l.urgent_until > now(), false) as urgent
  ), fresh as (
    insert into message
      (app_id, dedupe_key, openid, slot, msg_type, event, event_key, content, created_at, payload, window_ends_at,
       window_quota, request_id)
    select i.app_id, dedupe_key, i.openid, slot, msg_type, event, event_key, content, to_timestamp(create_time), payload,
      to_timestamp(window_ends_at), window_quota, request_id
    from i join touched t on t.app_id = i.app_id and t.openid = i.openid
    order by i.n
    on conflict (app_id, dedupe_key) do nothing
    returning app_id, dedupe_key
  ), job as (
    select graphile_worker.add_jobs(array_agg((
      'lanes', json_build_object('lanes', ids), null, now(), null, null, case when urgent then -10 else 0 end, null
    )::graphile_worker.job_spec))
    from (select json_agg(id::text order by id) as ids, urgent from touched where is_free group by urgent) as part
    having count(*) > 0
  )
  select (select count(*) from job) as jobs,
    case when (select count(*) from fresh) < $2
      then (select coalesce(json_agg(json_build_array(app_id, dedupe_key)), '[]') from fresh)
    end as stored`;

/** Takes the lanes and reads nothing else. */
const claimSql = `
  with want as materialized (
    select l.id from lane l
    where l.id = any($1::bigint[]) and l.claim is null and l.due_at <= now()
      and not exists (select from account_pause p where p.app_id = l.app_id)
    for update of l skip locked
  )
  update lane l set claim = nextval('claim_number'), worker_id = $2, claimed_at = now(), runs = runs + 1
  from want
  where l.id = want.id and exists (select from worker_process w where w.id = $2 and w.ended_at is null)
  returning l.id, l.claim`;

/** One message more than is needed; deliveries only where an earlier run may have left some. */
const lookSql = (isClosing: boolean) => `
  select l.id as lane_id, l.claim, l.arrivals, l.done_id, l.runs, l.crashes, m.*, d.deliveries,
    case when coalesce(m.window_ends_at - m.created_at <= interval '5 minutes', false) or m.window_ends_at <= now() then (
      select max(earlier.window_ends_at) from message earlier
      where earlier.app_id = l.app_id and earlier.openid = l.openid and earlier.created_at > now() - interval '7 days'
    ) end as longest_window_ends_at
  from unnest($1::bigint[], $2::bigint[]) as h (lane_id, claim)
  join lane l on l.id = h.lane_id and l.claim = h.claim
  left join lateral (
    select m.id, m.app_id, m.openid, m.payload, m.received_at, m.created_at, m.window_ends_at, m.window_quota, m.request_id
    from message m
    where m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id
      ${isClosing ? 'and m.settled_at is null' : ''}
    order by m.id limit $3 + 1
  ) m on true
  left join lateral (
    select json_agg(json_build_object('position', d.position, 'status', d.status, 'attempts', d.attempts) order by d.position)
      as deliveries
    from delivery d where d.message_id = m.id and l.runs > 1
  ) d on true
  order by l.id, m.id`;

const planSql = (isClosing: boolean) => `
  with held as materialized (
    select i.*, l.app_id, l.openid
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::jsonb[]) as i (lane_id, claim, message_id, msg_type, payload)
    join lane l on l.id = i.lane_id and l.claim = i.claim
    order by l.app_id, l.openid, l.slot for update of l
  )
  insert into delivery (message_id, position, app_id, openid, msg_type, payload, status, attempts, attempt_started_at)
  select held.message_id, 1, held.app_id, held.openid, held.msg_type, held.payload, 'sending', 1, now()
  from held ${isClosing ? 'join message m on m.id = held.message_id and m.settled_at is null' : ''}
  on conflict (message_id, position) do nothing
  returning id, message_id`;

/** The lane goes only if nothing came since the look; its cursor rises only if it is the one that was seen. */
const settleSql = (isClosing: boolean) => `
  with held as materialized (
    select i.*, l.arrivals, l.done_id
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
      as i (lane_id, claim, seen, seen_done, last_id)
    join lane l on l.id = i.lane_id and l.claim = i.claim
    order by l.app_id, l.openid, l.slot for update of l
  ), ended as materialized (
    select e.*
    from unnest($6::bigint[], $7::bigint[], $8::bigint[], $9::int[], $10::timestamptz[], $11::timestamptz[], $12::text[],
                $13::int[], $14::int[], $15::text[], $16::text[])
      as e (lane_id, delivery_id, message_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg, status)
    join held on held.lane_id = e.lane_id
  ), logged as (
    insert into delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg)
    select delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg from ended
    on conflict (delivery_id, attempt) do nothing
  ), sent as (
    update delivery d
    set status = e.status, errcode = e.errcode, errmsg = e.errmsg, sent_at = case when e.status = 'sent' then now() end,
        next_attempt_at = null
    from ended e
    where d.id = e.delivery_id and d.attempts = e.attempt and d.status in ('pending', 'sending')
  ), ${
    isClosing
      ? `closed as (
    update message m set status = 'settled', settled_at = now()
    from ended e where m.id = e.message_id and m.settled_at is null
  ), `
      : ''
  }gone as (
    delete from lane l using held where l.id = held.lane_id and held.arrivals = held.seen
  ), kept as (
    update lane l set done_id = held.last_id, runs = 0, crashes = 0 from held
    where l.id = held.lane_id and held.arrivals is distinct from held.seen and held.done_id = held.seen_done
  )
  select held.lane_id, held.arrivals is distinct from held.seen as kept from held`;

interface Seen {
  lane_id: string;
  claim: string;
  arrivals: string;
  done_id: string;
  id: string | null;
  app_id: string;
  openid: string;
}

async function look(query: Query, sql: string, held: readonly Held[]): Promise<Held[]> {
  const rows = await query<Seen>('look', sql, [
    held.map(({ laneId }) => laneId),
    held.map(({ claim }) => claim),
    1,
  ]);
  const seen = new Map<string, Held>();
  for (const { lane_id, claim, arrivals, done_id, id, app_id, openid } of rows) {
    const first = seen.get(lane_id);
    if (first) first.arrivals = null;
    else if (id !== null) {
      const ids = { laneId: lane_id, messageId: id, deliveryId: '' };
      seen.set(lane_id, { ...ids, appId: app_id, openid, claim, arrivals, doneId: done_id });
    }
  }
  return [...seen.values()];
}

async function plan(query: Query, sql: string, held: readonly Held[]): Promise<Held[]> {
  const stored = await query<{ id: string; message_id: string }>('plan', sql, [
    held.map(({ laneId }) => laneId),
    held.map(({ claim }) => claim),
    held.map(({ messageId }) => messageId),
    held.map(() => 'text'),
    held.map(() => hello),
  ]);
  const deliveryOf = new Map(stored.map(({ id, message_id }) => [message_id, id]));
  return held.map((one) => ({ ...one, deliveryId: deliveryOf.get(one.messageId) ?? '' }));
}

async function settle(query: Query, sql: string, held: readonly Held[]): Promise<Held[]> {
  const { startedAt, finishedAt } = sentNow();
  const laneIds = held.map(({ laneId }) => laneId);
  const messageIds = held.map(({ messageId }) => messageId);
  const rows = await query<{ lane_id: string; kept: boolean }>('settle', sql, [
    laneIds,
    held.map(({ claim }) => claim),
    held.map(({ arrivals }) => arrivals),
    held.map(({ doneId }) => doneId),
    messageIds,
    laneIds,
    held.map(({ deliveryId }) => deliveryId),
    messageIds,
    held.map(() => 1),
    held.map(() => startedAt),
    held.map(() => finishedAt),
    held.map(() => 'sent'),
    held.map(() => 200),
    held.map(() => 0),
    held.map(() => 'ok'),
    held.map(() => 'sent'),
  ]);
  const kept = new Set(rows.filter((row) => row.kept).map(({ lane_id }) => lane_id));
  return held.filter(({ laneId }) => kept.has(laneId));
}

interface Variant {
  name: string;
  schema: string;
  /** Whether the message's row is updated when it is settled. */
  isClosing: boolean;
}

function lanes({ name, schema, isClosing }: Variant): Model {
  const tables = 'message, lane, delivery, delivery_attempt';
  return {
    name,
    async open(connectionString) {
      const { durable, relaxed, run, end } = openSessions(connectionString, {
        search_path: schema,
        plan_cache_mode: 'force_custom_plan',
      });
      await run(`create schema ${schema}`);
      await run(await readFile(new URL('lanes.sql', import.meta.url), 'utf8'));
      if (!isClosing) await run('alter table message set (fillfactor = 100)');
      return {
        async arrive(arrivals) {
          await durable('arrive', arriveSql, [JSON.stringify(arrivals), arrivals.length]);
        },
        named: () => namedByJobs(durable, 'lanes'),
        async claim(ids) {
          const rows = await relaxed<{ id: string; claim: string }>('claim', claimSql, [ids, workerId]);
          const unseen = { appId: '', openid: '', messageId: '', deliveryId: '', arrivals: null, doneId: '' };
          return rows.map(({ id, claim }) => ({ ...unseen, laneId: id, claim }));
        },
        look: (held) => look(relaxed, lookSql(isClosing), held),
        plan: (held) => plan(durable, planSql(isClosing), held),
        settle: (held) => settle(durable, settleSql(isClosing), held),
        empty: () => run(`truncate ${tables}, graphile_worker._private_jobs restart identity`),
        vacuum: () => run(`vacuum ${tables}`),
        analyze: () => run(`analyze ${tables}`),
        close: end,
      };
    },
  };
}

const [closing, cursor] = [
  { name: 'lanes, closing update', schema: 'lanes_closing', isClosing: true },
  { name: 'lanes, cursor alone', schema: 'lanes_cursor', isClosing: false },
] as const;

export const lanesWithClosingUpdate = lanes(closing);
export const lanesByCursorAlone = lanes(cursor);
