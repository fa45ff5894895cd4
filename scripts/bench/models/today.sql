-- The hot path of the first engine, frozen: its tables with every column, index, key and fillfactor, in a schema of
-- their own. The benchmarks compare with it and the limit program writes to it; nothing else knows of it. Not to be
-- changed: figures of different days would no longer be of the same thing.

create schema before;

create table before.inbound_message (
  id                bigint generated always as identity primary key,
  app_id            text not null,
  dedupe_key        text not null,
  openid            text not null,
  msg_type          text not null,
  event             text,
  event_key         text,
  content           text,
  created_at        timestamptz not null,
  received_at       timestamptz not null default now(),
  payload           jsonb not null,
  status            text not null default 'received'
                    check (status in ('received', 'answering', 'settled', 'failed')),
  window_ends_at    timestamptz,
  window_quota      integer check (window_quota >= 0),
  error             text,
  settled_at        timestamptz,
  due_at            timestamptz not null default now(),
  claimed_by        integer,
  claimed_at        timestamptz,
  reply_attempts    integer not null default 0,
  crashes           integer not null default 0,
  reply_started_at  timestamptz,
  request_id        text,
  forgotten_at      timestamptz,
  unique (app_id, dedupe_key),
  check ((status in ('settled', 'failed')) = (settled_at is not null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
create index inbound_message_unsettled on before.inbound_message (app_id, openid, id) where settled_at is null;
create index inbound_message_conversation on before.inbound_message (app_id, openid, created_at);
create index inbound_message_received_at on before.inbound_message using brin (received_at);

create table before.delivery (
  id                  bigint generated always as identity primary key,
  message_id          bigint not null references before.inbound_message (id) on delete cascade,
  position            integer not null check (position > 0),
  app_id              text not null,
  openid              text not null,
  msg_type            text not null,
  payload             jsonb not null,
  status              text not null default 'pending'
                      check (status in ('pending', 'sending', 'sent', 'failed', 'expired', 'unknown', 'cancelled')),
  attempts            integer not null default 0,
  failures            integer not null default 0,
  attempt_started_at  timestamptz,
  next_attempt_at     timestamptz,
  errcode             integer,
  errmsg              text,
  created_at          timestamptz not null default now(),
  sent_at             timestamptz,
  origin              text not null default 'reply' check (origin in ('reply', 'operator')),
  ignores_window      boolean not null default false,
  ended_unsent        boolean not null
                      generated always as (status in ('failed', 'expired', 'unknown', 'cancelled')) stored,
  unique (message_id, position),
  check ((status = 'sent') = (sent_at is not null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
create index delivery_ended_unsent on before.delivery (app_id, created_at) where ended_unsent;
create index delivery_created_at on before.delivery using brin (created_at);

create table before.delivery_attempt (
  delivery_id  bigint not null references before.delivery (id) on delete cascade,
  attempt      integer not null check (attempt > 0),
  started_at   timestamptz not null,
  finished_at  timestamptz not null,
  outcome      text not null
               check (outcome in ('sent', 'token', 'transient', 'throttled', 'permanent', 'unknown')),
  http_status  integer,
  errcode      integer,
  errmsg       text,
  primary key (delivery_id, attempt)
);
create index delivery_attempt_started_at on before.delivery_attempt using brin (started_at);

create table before.worker_process (
  id        integer generated always as identity primary key,
  ended_at  timestamptz
);
create index worker_process_alive on before.worker_process (id) where ended_at is null;
insert into before.worker_process default values;

create table before.account_pause (
  app_id            text primary key,
  probe_message_id  bigint
);

create function before.is_urgent(window_ends_at timestamptz, created_at timestamptz) returns boolean
language sql immutable as $$
  select coalesce(window_ends_at - created_at <= interval '5 minutes', false)
$$;

-- The jobs have a name that no worker of the product listens to.
create function before.add_answer_jobs(ids bigint[], urgent boolean[], run_at timestamptz[]) returns void
language sql as $$
  select graphile_worker.add_jobs(array_agg((
    'before', json_build_object('ids', job.ids), null, job.run_at, null, null,
    case when job.urgent then -10 else 0 end, null)::graphile_worker.job_spec))
  from (
    select json_agg(message.id::text order by message.id) as ids, max(message.run_at) as run_at, message.urgent
    from (
      select *, (row_number() over (order by listed.id) - 1) / 500 as part
      from unnest(ids, urgent, run_at) as listed (id, urgent, run_at)
    ) message
    group by date_bin('100 ms', message.run_at, timestamptz '2000-01-01'), message.urgent, message.part
  ) job
  having count(*) > 0
$$;
