-- Figures by day, for the console's long ranges: counted once from days that are over, so that a year is read from some hundred rows.
-- They hold no user: who is forgotten changes none of them but for keys of events, which are counted again.
--
-- A day is counted an hour after its end. Whatever changes after that in a row of that day notes the day in changed_day, in the same
-- transaction: so who reads takes a day from here only while nothing is noted of it, and from the messages otherwise. Nothing is
-- noted of a day that is under way, and that is all that the hot path has of it.

create table wechat.day_figures (
  day              date not null,
  app_id           text not null,
  messages         integer not null,
  users            integer not null,
  answered         integer not null,
  unanswered       integer not null,
  sent             integer not null,
  not_sent         integer not null,
  hours            integer[] not null,
  hour_messages    integer[] not null,
  answer_buckets   integer[] not null,
  answer_counts    integer[] not null,
  seen_days_ago    integer[] not null,
  seen_users       integer[] not null,
  menu_keys        jsonb not null,
  scenes           jsonb not null,
  events           jsonb not null,
  failures         jsonb not null,
  primary key (day, app_id)
);

comment on table wechat.day_figures is
  'What came of a day, one row for each account that had anything; of days in counted_day that are not in changed_day';
comment on column wechat.day_figures.day is 'The day in China (Asia/Shanghai)';
comment on column wechat.day_figures.app_id is 'The account';
comment on column wechat.day_figures.messages is 'Messages and events that users sent on this day';
comment on column wechat.day_figures.users is 'By how many users';
comment on column wechat.day_figures.answered is 'Of these messages and events: to which something was sent, whenever';
comment on column wechat.day_figures.unanswered is 'Of the messages: to which nothing was sent, and which were not answered with a later one';
comment on column wechat.day_figures.sent is 'Deliveries planned on this day that were sent';
comment on column wechat.day_figures.not_sent is 'Deliveries planned on this day that failed, expired or are unknown';
comment on column wechat.day_figures.hours is 'Hours of the day with messages, from 0 to 23';
comment on column wechat.day_figures.hour_messages is 'Messages in each of these hours';
comment on column wechat.day_figures.answer_buckets is
  'Times from the message to the first that was sent: n stands for 1.02^n to 1.02^(n+1) ms';
comment on column wechat.day_figures.answer_counts is 'Messages answered within each of these times';
comment on column wechat.day_figures.seen_days_ago is
  'So many days before was the last day on which users of this day had written: who wrote within a range for the first time is so known without their names';
comment on column wechat.day_figures.seen_users is 'Users for each of these; all others had not written before';
comment on column wechat.day_figures.menu_keys is 'Of menus, the 1,000 most tapped: [key, taps, users], …';
comment on column wechat.day_figures.scenes is 'Of QR codes, the 1,000 most used: [scene, scans, new followers, users], …';
comment on column wechat.day_figures.events is 'Of events: [event, count, users], …';
comment on column wechat.day_figures.failures is 'Of deliveries planned on this day that ended unsent: [errcode, state, count], …';

create table wechat.counted_day (
  day         date primary key,
  counted_at  timestamptz not null,
  is_whole    boolean not null
);
comment on table wechat.counted_day is 'Days whose figures are in day_figures';
comment on column wechat.counted_day.day is 'The day in China (Asia/Shanghai)';
comment on column wechat.counted_day.counted_at is 'When it was counted last';
comment on column wechat.counted_day.is_whole is 'False: retention had deleted something of it before it was counted';

-- Without a key: who notes a day waits for nobody.
create table wechat.changed_day (
  day      date not null,
  deleted  boolean not null default false
);
-- Without it a publication of all tables (logical replication, for an upgrade of the server) refuses its deletes.
alter table wechat.changed_day replica identity full;
comment on table wechat.changed_day is
  'Days that are over and of which something changed since; a row for each change, until the day is counted again';
comment on column wechat.changed_day.day is 'The day in China (Asia/Shanghai)';
comment on column wechat.changed_day.deleted is 'Retention deleted something of it';

create function wechat.china_day(at timestamptz) returns date
language sql stable as $$ select (at at time zone 'Asia/Shanghai')::date $$;
comment on function wechat.china_day is 'The day in China (Asia/Shanghai), as WeChat''s own statistics count';

create function wechat.note_changed_message() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into wechat.changed_day (day) values (wechat.china_day(old.received_at));
  return null;
end
$$;
comment on function wechat.note_changed_message is 'Trigger: notes the day of a message';

create function wechat.note_changed_delivery() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into wechat.changed_day (day)
  select wechat.china_day(old.created_at)
  union
  select wechat.china_day(m.received_at) from wechat.inbound_message m where m.id = old.message_id;
  return null;
end
$$;
comment on function wechat.note_changed_delivery is 'Trigger: notes the day on which a delivery was planned, and that of its message';

-- The key that a forgotten user's event bore may tell of them: it must not outlive them in a count.
create function wechat.forget_key_of_day() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into wechat.changed_day (day) values (wechat.china_day(old.received_at));
  delete from wechat.day_figures f where f.day = wechat.china_day(old.received_at) and f.app_id = old.app_id;
  return null;
end
$$;
comment on function wechat.forget_key_of_day is 'Trigger: what was counted of a day goes with the key of an event of a forgotten user';

-- The conditions are asked before anything is queued: for a row of today they cost the update a comparison.
create trigger note_changed_day after update of status on wechat.inbound_message
for each row
when (old.received_at < date_trunc('day', now() - interval '1 hour', 'Asia/Shanghai') and old.status is distinct from new.status)
execute function wechat.note_changed_message();

create trigger forget_key_of_day after update of event_key on wechat.inbound_message
for each row when (old.event_key is distinct from new.event_key)
execute function wechat.forget_key_of_day();

create trigger note_changed_day after update of status on wechat.delivery
for each row
when (old.created_at < date_trunc('day', now() - interval '1 hour', 'Asia/Shanghai') and old.status is distinct from new.status)
execute function wechat.note_changed_delivery();

-- What belongs to a message is asked for message by message: joined as sets, they would be read from end to end wherever Postgres
-- takes a day for more than it is.
create function wechat.figures_of_day(of_day date, of_app_id text default null) returns setof wechat.day_figures
language sql stable set jit = off as $$
  with message as materialized (
    select m.id, m.app_id, m.openid, m.received_at, m.msg_type, m.event, nullif(m.event_key, '') as event_key, m.merged_into
    from wechat.inbound_message m
    where m.received_at >= of_day::timestamp at time zone 'Asia/Shanghai'
      and m.received_at < (of_day + 1)::timestamp at time zone 'Asia/Shanghai'
      and (of_app_id is null or m.app_id = of_app_id)
  ),
  planned as materialized (
    select d.app_id, d.status, d.errcode, d.ended_unsent
    from wechat.delivery d
    where d.created_at >= of_day::timestamp at time zone 'Asia/Shanghai'
      and d.created_at < (of_day + 1)::timestamp at time zone 'Asia/Shanghai'
      and (of_app_id is null or d.app_id = of_app_id)
  ),
  answer as materialized (
    select m.id, m.app_id, extract(epoch from sent.at - m.received_at)::double precision * 1000 as ms
    from message m
    cross join lateral (
      select min(d.sent_at) as at from wechat.delivery d where d.message_id = m.id and d.status = 'sent'
    ) sent
    where sent.at is not null
  ),
  told as (
    select m.app_id, count(*)::int as messages, count(distinct m.openid)::int as users, count(a.id)::int as answered,
      (count(*) filter (where a.id is null and m.msg_type <> 'event' and m.merged_into is null))::int as unanswered
    from message m left join answer a on a.id = m.id
    group by 1
  ),
  outbound as (
    select app_id, (count(*) filter (where status = 'sent'))::int as sent,
      (count(*) filter (where status in ('failed', 'expired', 'unknown')))::int as not_sent
    from planned group by 1
  ),
  hourly as (
    select app_id, array_agg(hour order by hour) as hours, array_agg(messages order by hour) as messages
    from (
      select app_id, extract(hour from received_at at time zone 'Asia/Shanghai')::int as hour, count(*)::int as messages
      from message group by 1, 2) one
    group by 1
  ),
  bucketed as (
    select app_id, array_agg(bucket order by bucket) as buckets, array_agg(answers order by bucket) as counts
    from (
      select app_id, floor(ln(greatest(ms, 1)) / ln(1.02::double precision))::int as bucket, count(*)::int as answers
      from answer group by 1, 2) one
    group by 1
  ),
  seen as (
    select app_id, array_agg(days order by days) as days_ago, array_agg(users order by days) as users
    from (
      select f.app_id, of_day - wechat.china_day(earlier.received_at) as days, count(*)::int as users
      from (select app_id, openid, min(id) as id from message group by 1, 2) f
      cross join lateral (
        select p.received_at from wechat.inbound_message p
        where p.app_id = f.app_id and p.openid = f.openid and p.id < f.id
        order by p.id desc limit 1
      ) earlier
      group by 1, 2
    ) one
    where days > 0
    group by 1
  ),
  menu_key as (
    select app_id, jsonb_agg(jsonb_build_array(event_key, taps, users) order by taps desc, event_key) as list
    from (
      select app_id, event_key, count(*) as taps, count(distinct openid) as users,
        row_number() over (partition by app_id order by count(*) desc, event_key) as place
      from message where event in ('click', 'view', 'view_miniprogram') and event_key is not null
      group by 1, 2) one
    where place <= 1000
    group by 1
  ),
  scene as (
    select app_id, jsonb_agg(jsonb_build_array(name, scans, follows, users) order by scans + follows desc, name) as list
    from (
      select app_id, regexp_replace(event_key, '^qrscene_', '') as name, count(*) filter (where event = 'scan') as scans,
        count(*) filter (where event = 'subscribe') as follows, count(distinct openid) as users,
        row_number() over (partition by app_id order by count(*) desc, regexp_replace(event_key, '^qrscene_', '')) as place
      from message where event in ('scan', 'subscribe') and event_key is not null
      group by 1, 2) one
    where place <= 1000
    group by 1
  ),
  event as (
    select app_id, jsonb_agg(jsonb_build_array(name, times, users) order by times desc, name) as list
    from (
      select app_id, coalesce(event, '') as name, count(*) as times, count(distinct openid) as users
      from message where msg_type = 'event' group by 1, 2) one
    group by 1
  ),
  failure as (
    select app_id, jsonb_agg(jsonb_build_array(errcode, status, times) order by times desc, errcode, status) as list
    from (
      select app_id, errcode, status, count(*) as times from planned where ended_unsent group by 1, 2, 3) one
    group by 1
  )
  select of_day, app_id, coalesce(told.messages, 0), coalesce(told.users, 0), coalesce(told.answered, 0), coalesce(told.unanswered, 0),
    coalesce(outbound.sent, 0), coalesce(outbound.not_sent, 0), coalesce(hourly.hours, '{}'), coalesce(hourly.messages, '{}'),
    coalesce(bucketed.buckets, '{}'), coalesce(bucketed.counts, '{}'), coalesce(seen.days_ago, '{}'), coalesce(seen.users, '{}'),
    coalesce(menu_key.list, '[]'), coalesce(scene.list, '[]'), coalesce(event.list, '[]'), coalesce(failure.list, '[]')
  from told full join outbound using (app_id) left join hourly using (app_id) left join bucketed using (app_id)
    left join seen using (app_id) left join menu_key using (app_id) left join scene using (app_id) left join event using (app_id)
    left join failure using (app_id)
$$;
comment on function wechat.figures_of_day is
  'What day_figures has of a day, counted from messages and deliveries as they are now; of one account, or of all';

-- In a transaction of repeatable read: what is noted after its snapshot stays noted.
create function wechat.count_day(of_day date) returns void
language sql as $$
  insert into wechat.counted_day as counted (day, counted_at, is_whole)
  select of_day, now(), not exists (select from wechat.changed_day c where c.day = of_day and c.deleted)
  on conflict (day) do update set counted_at = excluded.counted_at, is_whole = counted.is_whole and excluded.is_whole;
  delete from wechat.changed_day c where c.day = of_day;
  delete from wechat.day_figures f where f.day = of_day;
  insert into wechat.day_figures select * from wechat.figures_of_day(of_day);
$$;
comment on function wechat.count_day is
  'Counts a day into day_figures; in a transaction of repeatable read, or what changes meanwhile may be missed';

-- An hour and ten minutes after its end: no transaction that is older can still be under way. Days before that of the first message
-- by id are there where an account has moved in, with its history and ids of now: the move notes them in changed_day.
create function wechat.day_to_count(but_for date[] default '{}') returns date
language sql stable as $$
  select max(day) from (
    select c.day from wechat.changed_day c
    union all
    select * from (
      select series.at::date as day
      from generate_series(
        (select wechat.china_day(m.received_at) from wechat.inbound_message m order by m.id limit 1)::timestamp,
        wechat.china_day(now() - interval '70 minutes')::timestamp - interval '1 day', interval '1 day') series (at)
      where not exists (select from wechat.counted_day c where c.day = series.at::date)
    ) uncounted
  ) one
  where day < wechat.china_day(now() - interval '70 minutes') and day <> all (but_for)
$$;
comment on function wechat.day_to_count is
  'The latest day that is over and whose figures are missing, or of days before, but for some; null: none';

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.day_figures, wechat.counted_day, wechat.changed_day to wechat_analyst;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_analyst was not granted the figures by day: %', sqlerrm;
end
$$;
