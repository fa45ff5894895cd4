-- Who works. A live worker holds the session-level advisory lock (1467502434, id) on a connection of its own;
-- Postgres drops the lock when the process or its connection dies, and another worker rescues its work.

create table wechat.worker_process (
  id             integer generated always as identity primary key,
  hostname       text not null,
  pid            integer not null,
  pool_id        text,
  started_at     timestamptz not null default now(),
  missing_since  timestamptz,
  ended_at       timestamptz
);

comment on table wechat.worker_process is 'One row for each worker process that ever started';
comment on column wechat.worker_process.id is 'What inbound_message.claimed_by refers to';
comment on column wechat.worker_process.hostname is 'Machine it runs on';
comment on column wechat.worker_process.pid is 'Process id on that machine';
comment on column wechat.worker_process.pool_id is 'Its name in graphile_worker (locked_by of jobs)';
comment on column wechat.worker_process.started_at is 'When it started';
comment on column wechat.worker_process.missing_since is 'Since when its advisory lock is free although it has not ended; null when all is well';
comment on column wechat.worker_process.ended_at is 'When it stopped, or was declared dead and its work rescued';

create index worker_process_alive on wechat.worker_process (id) where ended_at is null;

-- Created by the migrator itself, before the first of these files runs.
comment on table wechat.schema_migration is 'Which files of migrations/ have been applied, and when';
comment on column wechat.schema_migration.name is 'File name without .sql';
comment on column wechat.schema_migration.timestamp is 'When it was applied, ISO 8601';
comment on table wechat.schema_migration_lock is 'The migrator''s own lock row';
comment on column wechat.schema_migration_lock.id is 'Always migration_lock';
comment on column wechat.schema_migration_lock.is_locked is 'Unused on Postgres: an advisory lock does the work';
