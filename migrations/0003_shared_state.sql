-- Shared state: what all processes must know about an account.

create table wechat.credential (
  app_id           text not null,
  kind             text not null check (kind in ('access_token', 'jsapi_ticket')),
  value            text not null,
  expires_at       timestamptz not null,
  version          bigint not null default 1,
  refreshed_at     timestamptz not null default now(),
  forced_at        timestamptz,
  forced_that_day  integer not null default 0,
  renewing_by      text,
  renewing_until   timestamptz,
  primary key (app_id, kind),
  check ((renewing_by is null) = (renewing_until is null))
);

comment on table wechat.credential is 'Access tokens and tickets in force; written under an advisory lock, one refresh at a time';
comment on column wechat.credential.app_id is 'The account it belongs to';
comment on column wechat.credential.kind is 'access_token or jsapi_ticket';
comment on column wechat.credential.value is 'The secret itself: not for analysts, never logged; empty while the first one is being fetched';
comment on column wechat.credential.expires_at is 'End of its validity by WeChat''s expires_in';
comment on column wechat.credential.version is 'Grows by one with each refresh';
comment on column wechat.credential.refreshed_at is 'When it was fetched';
comment on column wechat.credential.forced_at is 'Last force_refresh (WeChat allows 20 a day, 30 s apart); null when never';
comment on column wechat.credential.forced_that_day is 'Forced refreshes on the day of forced_at (Asia/Shanghai)';
comment on column wechat.credential.renewing_by is 'The process that is asking WeChat for the next one, while no connection is held; null when none is';
comment on column wechat.credential.renewing_until is 'Until when the others leave it to that process; null when none is asking';

create table wechat.account_pause (
  app_id            text primary key,
  reason            text not null check (reason in ('minute_quota', 'daily_quota', 'account', 'operator')),
  errcode           integer,
  errmsg            text,
  paused_at         timestamptz not null default now(),
  cause_lane_id     bigint,
  probe_at          timestamptz,
  probe_lane_id     bigint,
  overdue_lane_ids  bigint[] not null default '{}',
  overdue_at        timestamptz,
  check ((reason = 'operator') = (probe_at is null))
);

comment on table wechat.account_pause is
  'Accounts whose sends rest now; all processes obey. Nothing is lost meanwhile: messages are stored and wait';
comment on column wechat.account_pause.app_id is 'The account';
comment on column wechat.account_pause.reason is
  'minute_quota, daily_quota: WeChat''s limits; account: a person must put something right there (see errcode); operator: paused by hand';
comment on column wechat.account_pause.errcode is 'WeChat''s code that led to it; null for an operator''s pause';
comment on column wechat.account_pause.errmsg is 'WeChat''s text, or the operator''s reason';
comment on column wechat.account_pause.paused_at is 'Since when';
comment on column wechat.account_pause.cause_lane_id is
  'The lane whose message was refused last; the probe takes another where there is one. Null for an operator''s pause';
comment on column wechat.account_pause.probe_at is
  'When one lane is let through to see whether sending works again; null: only a command ends the pause';
comment on column wechat.account_pause.probe_lane_id is 'The lane that was let through; null before the first probe';
comment on column wechat.account_pause.overdue_lane_ids is
  'Lanes let through although the account rests, because their first message is past every reply window and only has to end';
comment on column wechat.account_pause.overdue_at is
  'When they were chosen: one that is due later has been looked at since, and rests again; null before the first';

-- Two statements on purpose. A worker that finds its lane's account at rest drops the ring, having locked the row of the pause
-- for the length of its statement (src/outbox/claim.ts). So the delete waits for it, and the second statement sees its lane.
create function wechat.end_pause(of_app_id text) returns boolean
language plpgsql as $$
declare
  was_paused boolean;
begin
  delete from wechat.account_pause where app_id = of_app_id;
  was_paused := found;
  if was_paused then
    perform wechat.wake(of_app_id);
  end if;
  return was_paused;
end
$$;
comment on function wechat.end_pause is 'Ends any pause of an account and wakes its lanes; false when it was not paused';

create table wechat.media_upload (
  app_id        text not null,
  media_type    text not null check (media_type in ('image', 'voice', 'video', 'thumb')),
  content_hash  text not null,
  media_id      text not null,
  uploaded_at   timestamptz not null default now(),
  expires_at    timestamptz not null,
  primary key (app_id, media_type, content_hash)
);

comment on table wechat.media_upload is 'Files that WeChat holds for us: one upload serves all messages and processes for some three days';
comment on column wechat.media_upload.app_id is 'The account that it was uploaded for';
comment on column wechat.media_upload.media_type is 'image, voice, video or thumb';
comment on column wechat.media_upload.content_hash is 'SHA-256 of the content, in hex';
comment on column wechat.media_upload.media_id is 'What WeChat calls it';
comment on column wechat.media_upload.uploaded_at is 'When it was uploaded last';
comment on column wechat.media_upload.expires_at is 'Not used from then on: shortly before WeChat forgets it';

-- A process of an older version, started beside a newer one or after it, works with a database that had migrations it does not
-- know, unless one of them is listed here. A migration that takes something away adds itself.
create table wechat.schema_migration_breaking (
  name    text primary key,
  reason  text not null
);

comment on table wechat.schema_migration_breaking is 'Migrations after which processes of versions that do not know them refuse to start';
comment on column wechat.schema_migration_breaking.name is 'File name without .sql';
comment on column wechat.schema_migration_breaking.reason is 'What such a version would miss, for its refusal';

-- A database in which a migration did something else than it does now is of a state that was never released: it is refused.
create table wechat.schema_migration_text (
  name    text primary key,
  sha256  text not null
);

comment on table wechat.schema_migration_text is 'What the files of migrations/ were when they were applied: once released, none changes';
comment on column wechat.schema_migration_text.name is 'File name without .sql';
comment on column wechat.schema_migration_text.sha256 is 'SHA-256 of the file, in hex';

-- These two the migrator creates by itself, before the first of these files runs.
comment on table wechat.schema_migration is 'Which files of migrations/ have been applied, and when';
comment on column wechat.schema_migration.name is 'File name without .sql';
comment on column wechat.schema_migration.timestamp is 'When it was applied, ISO 8601';
comment on table wechat.schema_migration_lock is 'The migrator''s own lock row';
comment on column wechat.schema_migration_lock.id is 'Always migration_lock';
comment on column wechat.schema_migration_lock.is_locked is 'Unused on Postgres: an advisory lock does the work';
