-- A sketch of lanes: a row a conversation that has unsettled messages. Created in a schema of its own (search_path), once
-- for each variant. The tables of facts have the columns and indexes that people ask by, as in today.sql, so that what
-- differs in cost is the model.

create table message (
  id              bigint generated always as identity primary key,
  app_id          text not null,
  dedupe_key      text not null,
  openid          text not null,
  slot            text not null,
  msg_type        text not null,
  event           text,
  event_key       text,
  content         text,
  created_at      timestamptz not null,
  received_at     timestamptz not null default now(),
  payload         jsonb not null,
  status          text not null default 'received' check (status in ('received', 'settled', 'failed')),
  window_ends_at  timestamptz,
  window_quota    integer check (window_quota >= 0),
  error           text,
  settled_at      timestamptz,
  request_id      text,
  forgotten_at    timestamptz,
  unique (app_id, dedupe_key),
  check ((status in ('settled', 'failed')) = (settled_at is not null))
) with (fillfactor = 50);
-- In place of the two indexes by conversation of today.sql.
create index message_lane on message (app_id, openid, slot, id);
create index message_received_at on message using brin (received_at);

create table lane (
  id            bigint generated always as identity primary key,
  app_id        text not null,
  openid        text not null,
  slot          text not null,
  arrivals      bigint not null,
  done_id       bigint not null,
  due_at        timestamptz not null default '-infinity',
  urgent_until  timestamptz,
  claim         bigint,
  worker_id     integer,
  claimed_at    timestamptz,
  runs          integer not null default 0,
  crashes       integer not null default 0,
  unique (app_id, openid, slot)
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000);
create sequence claim_number;

create table delivery (
  id                  bigint generated always as identity primary key,
  message_id          bigint not null,
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
) with (fillfactor = 50);
create index delivery_ended_unsent on delivery (app_id, created_at) where ended_unsent;
create index delivery_created_at on delivery using brin (created_at);

create table delivery_attempt (
  delivery_id  bigint not null,
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
create index delivery_attempt_started_at on delivery_attempt using brin (started_at);

create table worker_process (
  id        integer generated always as identity primary key,
  ended_at  timestamptz
);
insert into worker_process default values;
create table account_pause (app_id text primary key);
