-- Work: what is still to be done, and who does it. These tables hold only what is under way, so they stay small however
-- long the history grows. How they change is drawn in docs/states.md; the statements are in src/outbox/, one file each.

-- A lane is the place of a conversation that has unsettled messages. It is the lock, the fence, the clock and the cursor:
--
-- - Whoever stores, claims, answers or operates on a conversation locks this one row first. Several lanes are always locked
--   in the order (app_id, openid, slot), or without waiting (skip locked), so nobody can deadlock.
-- - `claim` is the fence: every later write of the worker repeats it. Its number is never used twice.
-- - `done_id` saves reading and decides nothing: what is open is said by the message's own settled_at.
create table wechat.lane (
  -- Never used twice, so `arrivals` of a lane that went and came back cannot be mistaken.
  id             bigint generated always as identity primary key,
  app_id         text not null,
  openid         text not null,
  slot           text not null default '',
  arrivals       bigint not null check (arrivals > 0),
  done_id        bigint not null,
  waiting        integer not null check (waiting > 0),
  waiting_since  timestamptz not null default now(),
  urgent_until   timestamptz,
  due_at         timestamptz not null default now(),
  claim          bigint,
  worker_id      integer,
  claimed_at     timestamptz,
  failures       integer not null default 0,
  crashes        integer not null default 0,
  suspected_at   timestamptz,
  error          text,
  hushed         boolean not null default false,
  unique (app_id, openid, slot),
  check ((claim is null) = (worker_id is null)),
  check ((claim is null) = (claimed_at is null)),
  check (suspected_at is null or claim is not null)
) with (
  -- Rows live for moments and change several times: room for the next version on every page, and a vacuum that goes by
  -- their number alone.
  fillfactor = 40,
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000
);

comment on table wechat.lane is
  'One row for each conversation that has unsettled messages (for each message, where the account keeps no order); gone when all are settled';
comment on column wechat.lane.id is 'Identity; the jobs of graphile-worker name lanes by it';
comment on column wechat.lane.app_id is 'The account';
comment on column wechat.lane.openid is 'The user';
comment on column wechat.lane.slot is 'Empty where the account keeps order; else the dedupe_key of its one message';
comment on column wechat.lane.arrivals is
  'Grows with every message, duplicate and requeue: a worker that has seen this number knows whether more has come since';
comment on column wechat.lane.done_id is 'Every message of the lane up to this id is settled: where to begin reading';
comment on column wechat.lane.waiting is 'Unsettled messages; a duplicate counts until the lane is looked through to its end';
comment on column wechat.lane.waiting_since is 'When the first of them came';
comment on column wechat.lane.urgent_until is
  'End of the last reply window of minutes that a message in it opened; until then its jobs go first. Null: none';
comment on column wechat.lane.due_at is
  'Not to be worked on before: arrival, or the next try. Later than claimed_at: an answer came meanwhile that it waits for, so it is to be looked at again as soon as it is given back';
comment on column wechat.lane.claim is 'Number of the hold that a worker has on it, repeated by every later write of that worker; null: free';
comment on column wechat.lane.worker_id is 'The worker (worker_process.id) that holds it; null: free';
comment on column wechat.lane.claimed_at is 'When it was claimed; null: free';
comment on column wechat.lane.failures is 'How often the reply logic failed for its first message';
comment on column wechat.lane.crashes is 'How often a worker died while the reply logic of its first message ran, or may have run; after too many the message fails';
comment on column wechat.lane.suspected_at is
  'Start of the reply logic that runs, kept only for a message under suspicion of killing workers (crashes >= 2)';
comment on column wechat.lane.error is 'What the reply logic last failed with for its first message; null when it has not';
comment on column wechat.lane.hushed is
  'An agent took the conversation over while the lane was there, and chose that replies of the reply logic are not sent; false again when it is handed back. Whether the conversation is taken says handover';

-- Who works. A live worker holds the session-level advisory lock (see src/db/locks.ts) on a connection of its own;
-- Postgres drops the lock when the process or its connection dies, and another worker rescues its work.
create table wechat.worker_process (
  id             integer generated always as identity primary key,
  hostname       text not null,
  pid            integer not null,
  pool_id        text,
  started_at     timestamptz not null default now(),
  heartbeat_at   timestamptz not null default now(),
  missing_since  timestamptz,
  ended_at       timestamptz
);
create index worker_process_alive on wechat.worker_process (id) where ended_at is null;

comment on table wechat.worker_process is
  'One row for each worker process; of those that ended it goes with the history of their time, where that is deleted';
comment on column wechat.worker_process.id is 'What lane.worker_id refers to';
comment on column wechat.worker_process.hostname is 'Machine it runs on';
comment on column wechat.worker_process.pid is 'Process id on that machine';
comment on column wechat.worker_process.pool_id is 'Its name in graphile_worker (locked_by of jobs)';
comment on column wechat.worker_process.started_at is 'When it started';
comment on column wechat.worker_process.heartbeat_at is
  'Last sign of life; a process that stands still keeps its lock, but gives no sign';
comment on column wechat.worker_process.missing_since is
  'Since when its advisory lock is free, or its heartbeat has stopped, although it has not ended; null when all is well';
comment on column wechat.worker_process.ended_at is 'When it stopped, or was declared dead and its work rescued';

-- While its session lasts, a worker holds an advisory lock of two numbers: the class of src/db/locks.ts, and its id.
create function wechat.worker_lives(worker_id integer) returns boolean
language sql stable as $$
  select exists (
    select from pg_catalog.pg_locks l
    where l.locktype = 'advisory' and l.classid = 1467502434 and l.objid::bigint = worker_id and l.objsubid = 2 and l.granted
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))
$$;
comment on function wechat.worker_lives is
  'Whether this worker''s session with the database lasts; it may stand still all the same (see heartbeat_at)';

-- Whether a message opened a reply window of minutes only, as subscriptions, menu clicks and scans do.
create function wechat.is_urgent(window_ends_at timestamptz, created_at timestamptz) returns boolean
language sql immutable as $$
  select coalesce(window_ends_at - created_at <= interval '5 minutes', false)
$$;
comment on function wechat.is_urgent is 'Whether the reply window is of minutes only: such messages go first when workers are behind';

-- Until when this user may be answered: the end of the longest window that anything they did lately opened. Their last
-- thousand messages are enough to look at, and bound the cost.
create function wechat.window_of(of_app_id text, of_openid text) returns timestamptz
language sql stable as $$
  select max(latest.window_ends_at)
  from (
    select m.window_ends_at, m.created_at from wechat.inbound_message m
    where m.app_id = of_app_id and m.openid = of_openid
    order by m.id desc limit 1000
  ) latest
  where latest.created_at > now() - interval '7 days'
$$;
comment on function wechat.window_of is
  'Until when WeChat lets this user be answered, as far as we know; null when they never opened a window of late';

-- graphile-worker is the doorbell and the alarm clock: it tells workers that lanes are due, and when. It keeps neither the
-- lock nor the order, and a job that is lost or runs twice does no harm.
--
-- One job for up to 500 lanes that are due within the same tenth of a second. One call of add_jobs for all, since each
-- burns an identity value and notifies, and Postgres serialises commits that notify.
create function wechat.ring(lane_ids bigint[], urgent boolean[], due_at timestamptz[]) returns void
language sql as $$
  select graphile_worker.add_jobs(array_agg((
    'lanes', json_build_object('ids', job.ids), null, job.run_at, null, null,
    case when job.urgent then -10 else 0 end, null)::graphile_worker.job_spec))
  from (
    select json_agg(lane.id::text order by lane.n) as ids, max(lane.due_at) as run_at, lane.urgent
    from (
      select *, (row_number() over (order by listed.n) - 1) / 500 as part
      from unnest(lane_ids, urgent, due_at) with ordinality as listed (id, urgent, due_at, n)
    ) lane
    group by date_bin('100 ms', lane.due_at, timestamptz '2000-01-01'), lane.urgent, lane.part
  ) job
  having count(*) > 0
$$;
comment on function wechat.ring is 'Adds graphile-worker jobs that tell workers of these lanes, the urgent ones with priority';

-- For lanes that a worker had in hand and lost: they were begun, so they go before all that waits, however long that has. By the
-- clock of the jobs alone they would wait once more for whatever was due a moment before them.
create function wechat.ring_first(lane_ids bigint[], urgent boolean[]) returns void
language sql as $$
  select wechat.ring(lane_ids, urgent, array_fill(first.run_at, array[cardinality(lane_ids)]))
  from (
    select least(min(run_at) - interval '1 ms', now()) as run_at
    from graphile_worker.jobs
    where task_identifier = 'lanes' and attempts < max_attempts
  ) first
$$;
comment on function wechat.ring_first is 'As wechat.ring, and these go before all jobs of their priority';

-- Rings for the free lanes of an account, once it no longer rests. Due by the clock, not by the start of the transaction: a lane
-- that came due while this one waited had its ring dropped.
create function wechat.wake(of_app_id text) returns integer
language sql as $$
  with free as (
    select l.id, coalesce(l.urgent_until > now(), false) as urgent
    from wechat.lane l
    where l.app_id = of_app_id and l.claim is null and l.due_at <= clock_timestamp()
  ),
  rung as (
    select wechat.ring(array_agg(id), array_agg(urgent), array_agg(now())) from free having count(*) > 0
  )
  select count(*)::integer from free cross join (select count(*) from rung) as job
$$;
comment on function wechat.wake is 'Tells workers of the account''s lanes that are due and free; returns how many';
