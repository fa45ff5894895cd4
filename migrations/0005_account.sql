-- What all processes must know about an account: whether it rests, and which files WeChat holds for it.

alter table wechat.credential add column forced_that_day integer not null default 0;
comment on column wechat.credential.forced_that_day is 'Forced refreshes on the day of forced_at (Asia/Shanghai)';

create table wechat.account_pause (
  app_id            text primary key,
  reason            text not null check (reason in ('minute_quota', 'daily_quota', 'account', 'operator')),
  errcode           integer,
  errmsg            text,
  paused_at         timestamptz not null default now(),
  probe_at          timestamptz,
  probe_message_id  bigint,
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
comment on column wechat.account_pause.probe_at is
  'When one message is let through to see whether sending works again; null: only a command ends the pause';
comment on column wechat.account_pause.probe_message_id is 'The message that was let through; null before the first probe';

-- Whether a message opened a reply window of minutes only, as subscriptions, menu clicks and scans do.
create function wechat.is_urgent(window_ends_at timestamptz, created_at timestamptz) returns boolean
language sql immutable as $$
  select coalesce(window_ends_at - created_at <= interval '5 minutes', false)
$$;
comment on function wechat.is_urgent is 'Whether the reply window is of minutes only: such messages go first when workers are behind';

-- The jobs that tell workers which messages to look at: one for up to 500 messages that are due within the same tenth
-- of a second. One call of add_jobs for all, since each burns an identity value and notifies, and Postgres serialises
-- commits that notify.
create function wechat.add_answer_jobs(ids bigint[], urgent boolean[], run_at timestamptz[]) returns void
language sql as $$
  select graphile_worker.add_jobs(array_agg((
    'answer', json_build_object('ids', job.ids), null, job.run_at, null, null,
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
comment on function wechat.add_answer_jobs is 'Adds graphile-worker jobs for these messages, the urgent ones with priority';

-- Wakes what waited: the heads of the account's conversations. The rest follows from there.
-- What falls due in this very moment may have met the pause just before it ended: it gets a job a little later.
create function wechat.wake(of_app_id text) returns integer
language sql as $$
  with head as (
    select distinct on (openid) id, wechat.is_urgent(window_ends_at, created_at) as urgent,
           case when due_at <= now() then now() else now() + interval '1 second' end as run_at
    from wechat.inbound_message
    where app_id = of_app_id and settled_at is null and due_at <= now() + interval '1 second'
    order by openid, id
  ),
  job as (
    select wechat.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(run_at)), count(*) as messages from head
  )
  select messages::integer from job
$$;
comment on function wechat.wake is 'Gives jobs to the account''s waiting messages; returns to how many conversations';

create function wechat.pause(of_app_id text, because text default null) returns void
language sql as $$
  insert into wechat.account_pause (app_id, reason, errmsg) values (of_app_id, 'operator', because)
  on conflict (app_id) do update
  set reason = 'operator', errcode = null, errmsg = because, paused_at = now(), probe_at = null, probe_message_id = null
$$;
comment on function wechat.pause is 'Stops the sends of an account until wechat.resume; messages are stored and wait';

-- Two statements on purpose: the second sees what others committed before the first took the row.
create function wechat.resume(of_app_id text) returns boolean
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
comment on function wechat.resume is 'Ends any pause of an account and wakes its messages; false when it was not paused';

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
