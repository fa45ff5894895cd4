-- Before the reply logic runs, and before its replies leave: how much users have used, and what was found in words.

-- One row a user, which is locked while it is asked: so the count is exact, however many workers count at once. It holds what
-- lies within the longest period alone, so it is no longer than the limits allow.
create table wechat.user_usage (
  app_id       text not null,
  openid       text not null,
  message_ids  bigint[] not null default '{}',
  used_at      timestamptz[] not null default '{}',
  notices      jsonb not null default '{}',
  kept_until   timestamptz not null,
  primary key (app_id, openid),
  check (cardinality(message_ids) = cardinality(used_at))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

comment on table wechat.user_usage is
  'What users have used of USER_LIMIT: one row a user, kept as long as it counts';
comment on column wechat.user_usage.app_id is 'The account';
comment on column wechat.user_usage.openid is 'The user';
comment on column wechat.user_usage.message_ids is
  'Messages that the reply logic was let run for within the longest period, in the order in which they were counted';
comment on column wechat.user_usage.used_at is 'When each of them was counted';
comment on column wechat.user_usage.notices is
  'By the seconds of a limit: the message that was last answered with LIMIT_NOTICE (id), and when (at)';
comment on column wechat.user_usage.kept_until is 'When nothing in it counts any more, and it may go';

-- A function, so that what it looks at is later than its lock. A message that was counted is let through again, whoever asks, and
-- one that was answered with the notice is told so again: neither is on its way yet, or nobody would ask.
create function wechat.use_allowance(
  of_app_id text, of_openid text, of_message_id bigint, quotas integer[], periods integer[],
  out exceeded integer, out is_notice_due boolean)
language plpgsql as $$
declare
  moment timestamptz := clock_timestamp();
  longest interval := make_interval(secs => (select max(period) from unnest(periods) period));
  held wechat.user_usage;
  notice jsonb;
begin
  is_notice_due := false;
  insert into wechat.user_usage as u (app_id, openid, kept_until) values (of_app_id, of_openid, moment + longest)
  on conflict (app_id, openid) do update set kept_until = greatest(u.kept_until, excluded.kept_until)
  returning * into held;
  if of_message_id = any(held.message_ids) then
    return;
  end if;

  select coalesce(array_agg(used.id order by used.n), '{}'), coalesce(array_agg(used.used_at order by used.n), '{}')
  into held.message_ids, held.used_at
  from unnest(held.message_ids, held.used_at) with ordinality as used (id, used_at, n)
  where used.used_at > moment - longest;
  -- Of several that are used up the longest: it lasts.
  select limits.n, held.notices -> limits.period::text into exceeded, notice
  from unnest(quotas, periods) with ordinality as limits (quota, period, n)
  where limits.quota <= (
    select count(*) from unnest(held.used_at) as used (used_at) where used.used_at > moment - make_interval(secs => limits.period))
  order by limits.period desc limit 1;

  if exceeded is null then
    held.message_ids := held.message_ids || of_message_id;
    held.used_at := held.used_at || moment;
  else
    is_notice_due := notice is null or (notice ->> 'id')::bigint = of_message_id
      or (notice ->> 'at')::timestamptz <= moment - make_interval(secs => periods[exceeded]);
    if is_notice_due and (notice ->> 'id')::bigint is distinct from of_message_id then
      held.notices := held.notices
        || jsonb_build_object(periods[exceeded]::text, jsonb_build_object('id', of_message_id, 'at', moment));
    end if;
  end if;
  update wechat.user_usage u
  set message_ids = held.message_ids, used_at = held.used_at, notices = held.notices
  where u.app_id = of_app_id and u.openid = of_openid;
end
$$;
comment on function wechat.use_allowance is
  'Counts a message of a user, once however often it is asked. quotas and periods (in seconds): the limits. exceeded: the number of the limit, from 1, that leaves no room for it, the longest of several, and null where it may be answered; is_notice_due: whether the user is to be told';

create function wechat.forget_limits(of_app_id text, of_openid text) returns void
language sql as $$
  delete from wechat.user_usage u where u.app_id = of_app_id and u.openid = of_openid
$$;
comment on function wechat.forget_limits is 'What wechat.forget does of a user''s usage';

create table wechat.reply_check (
  message_id  bigint not null,
  position    integer not null check (position >= 0),
  category    text not null,
  app_id      text not null,
  action      text not null check (action in ('refuse', 'mask', 'handOver')),
  places      integer not null check (places > 0),
  found_at    timestamptz not null default now(),
  primary key (message_id, position, category)
);
create index reply_check_found_at on wechat.reply_check using brin (found_at) with (autosummarize = on);

comment on table wechat.reply_check is
  'Words of WORDS_FILE that were found: one row for each reply, or message of a user, and category. Never the words themselves';
comment on column wechat.reply_check.message_id is 'The message of the user that was answered; its row goes with it';
comment on column wechat.reply_check.position is
  'Which of the replies, from 1, as the reply logic gave them; 0: the user wrote it';
comment on column wechat.reply_check.category is 'The category of WORDS_FILE';
comment on column wechat.reply_check.app_id is 'The account';
comment on column wechat.reply_check.action is
  'What the category asks for: refuse, mask or handOver. Of several that are found in one answer handOver wins, then refuse';
comment on column wechat.reply_check.places is 'In how many places it has words of the category';
comment on column wechat.reply_check.found_at is 'When they were found';

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.user_usage, wechat.reply_check to wechat_analyst;
  end if;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select on wechat.user_usage, wechat.reply_check to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator and wechat_analyst were not granted user_usage and reply_check: %', sqlerrm;
end
$$;
