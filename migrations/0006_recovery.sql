-- What tells the living from the dead, and a message that kills its worker from those that were merely near.

alter table wechat.worker_process add column heartbeat_at timestamptz not null default now();
comment on column wechat.worker_process.heartbeat_at is
  'Last sign of life; a process that stands still keeps its lock, but gives no sign';
comment on column wechat.worker_process.missing_since is
  'Since when its advisory lock is free, or its heartbeat has stopped, although it has not ended; null when all is well';

alter table wechat.inbound_message
  add column crashes integer not null default 0,
  add column reply_started_at timestamptz;
comment on column wechat.inbound_message.crashes is
  'How often a worker died while its reply logic ran, or may have run; after too many it fails';
comment on column wechat.inbound_message.reply_attempts is 'How often its reply logic ran to an end, or is running';
comment on column wechat.inbound_message.reply_started_at is
  'Start of its reply logic, kept only for a message under suspicion of killing workers (crashes >= 2)';
