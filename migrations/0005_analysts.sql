-- What analysts ask of the history. A view whose rows are groups (hours, days, users) has a function beside it, of the
-- same name and _between, that takes a time range down to the tables: at millions of messages use that. Both read
-- only. Large tables are searched by the BRIN indexes on their times, which cost the hot path next to nothing.

do $$
begin
  if not exists (select from pg_roles where rolname = 'wechat_analyst') then
    create role wechat_analyst nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise notice 'role wechat_analyst not created: let an administrator run "create role wechat_analyst nologin", and grant as in migrations/0005_analysts.sql';
end
$$;

-- Texts and titles, wherever the type of message has them; the rest are ids and links.
create function wechat.payload_text(payload jsonb) returns text
language sql immutable as $$
  select coalesce(
    (select string_agg(word #>> '{}', ' · ')
     from jsonb_path_query(payload, 'strict $.** ? (@.type() == "object").keyvalue() ? (
       @.key == "content" || @.key == "title" || @.key == "description" || @.key == "head_content"
       || @.key == "tail_content").value ? (@.type() == "string")') word),
    '[' || (payload ->> 'msgtype') || ']')
$$;
comment on function wechat.payload_text is
  'What a user reads in a delivery: its texts and titles; [type] where it has none, as a picture';

-- What is stored of a message that is not settled says nothing of its deliveries. The answer is looked for in unsettled rows only.
create function wechat.unsettled_state(of_message_id bigint) returns text
language sql stable as $$
  select case when exists (select from wechat.delivery d where d.message_id = of_message_id) then 'answering' else 'received' end
$$;
comment on function wechat.unsettled_state is
  'Of a message that is not settled: received (the reply logic is still to run) or answering (deliveries are planned, and not all are final)';

-- The message of a delivery is looked up for each row, and only where latency is asked for: as a join, the planner
-- would read the whole table of messages for a week of deliveries.
create view wechat.message_history as
select m.app_id, m.openid, m.received_at as at, 'in' as direction, m.msg_type as type, m.event, m.event_key,
  m.content as text, case when m.settled_at is null then wechat.unsettled_state(m.id) else m.status end as state,
  m.settled_at - m.received_at as latency,
  m.id as message_id, null::bigint as delivery_id
from wechat.inbound_message m
union all
select d.app_id, d.openid, d.created_at, 'out', d.msg_type, null, null,
  wechat.payload_text(d.payload), d.status,
  d.sent_at - (select m.received_at from wechat.inbound_message m where m.id = d.message_id),
  d.message_id, d.id
from wechat.delivery d;

comment on view wechat.message_history is 'Both directions, a row for each message; order by at. A range of at is quick; of one user use conversation()';
comment on column wechat.message_history.app_id is 'The account (AppID)';
comment on column wechat.message_history.openid is 'The user, as this account knows them';
comment on column wechat.message_history.at is 'in: when it was stored here; out: when it was planned (at + latency of its message tells when it was sent)';
comment on column wechat.message_history.direction is 'in: from the user; out: to the user';
comment on column wechat.message_history.type is 'MsgType: text, image, event, news, …';
comment on column wechat.message_history.event is 'Of an event: subscribe, click, …; null otherwise';
comment on column wechat.message_history.event_key is 'Of an event: menu key, scene or url; null where there is none';
comment on column wechat.message_history.text is 'What can be read of it; null where there is nothing to read';
comment on column wechat.message_history.state is
  'in: received, answering, settled or failed; out: pending, sending, sent, failed, expired, unknown or cancelled';
comment on column wechat.message_history.latency is
  'in: from stored to settled; out: from the user''s message being stored to this being sent; null while it is not';
comment on column wechat.message_history.message_id is 'inbound_message.id; of out: of the message that it answers';
comment on column wechat.message_history.delivery_id is 'delivery.id; null for in';

-- Deliveries have no index by user, which would cost every reply: they are found by their messages.
-- And by the account: where analysts see several databases as one, an id may be in two of them.
create function wechat.conversation(of_app_id text, of_openid text, max_messages integer default 1000)
returns table (
  at timestamptz, direction text, type text, event text, event_key text, text text, state text, latency interval,
  message_id bigint, delivery_id bigint)
language sql stable as $$
  with message as (
    select * from wechat.inbound_message m
    where m.app_id = of_app_id and m.openid = of_openid
    order by m.id desc limit max_messages
  )
  select m.received_at, 'in', m.msg_type, m.event, m.event_key, m.content,
    case when m.settled_at is null then wechat.unsettled_state(m.id) else m.status end, m.settled_at - m.received_at,
    m.id, null::bigint
  from message m
  union all
  select d.created_at, 'out', d.msg_type, null, null, wechat.payload_text(d.payload), d.status,
    d.sent_at - m.received_at, m.id, d.id
  from message m join wechat.delivery d on d.message_id = m.id and d.app_id = m.app_id
  order by 9, 10 nulls first
$$;
comment on function wechat.conversation is
  'Both directions of what was said with one user, each message with its answers behind it: the columns of message_history';

create function wechat.conversation_summary_between(since timestamptz, until timestamptz)
returns table (
  app_id text, openid text, first_at timestamptz, last_at timestamptz, messages_in bigint, messages_out bigint,
  not_sent bigint, unsettled bigint, last_text text)
language sql stable as $$
  select m.app_id, m.openid, min(m.received_at), max(m.received_at), count(*), coalesce(sum(d.sent), 0)::bigint,
    coalesce(sum(d.not_sent), 0)::bigint, count(*) filter (where m.settled_at is null),
    (array_agg(m.content order by m.id desc) filter (where m.content is not null))[1]
  from wechat.inbound_message m
  left join lateral (
    select count(*) filter (where d.status = 'sent') as sent,
      count(*) filter (where d.ended_unsent) as not_sent
    from wechat.delivery d where d.message_id = m.id and d.app_id = m.app_id
  ) d on true
  where m.received_at >= since and m.received_at < until
  group by m.app_id, m.openid
$$;
comment on function wechat.conversation_summary_between is 'conversation_summary over what users sent in this time';

create view wechat.conversation_summary as
select * from wechat.conversation_summary_between('-infinity', 'infinity');
comment on view wechat.conversation_summary is
  'A row for each user of each account; ask for one user, or use conversation_summary_between(since, until)';
comment on column wechat.conversation_summary.app_id is 'The account';
comment on column wechat.conversation_summary.openid is 'The user';
comment on column wechat.conversation_summary.first_at is 'When their first message or event was stored';
comment on column wechat.conversation_summary.last_at is 'When their latest message or event was stored';
comment on column wechat.conversation_summary.messages_in is 'Messages and events from them';
comment on column wechat.conversation_summary.messages_out is 'Messages that were sent to them';
comment on column wechat.conversation_summary.not_sent is 'Messages to them that ended failed, expired, unknown or cancelled';
comment on column wechat.conversation_summary.unsettled is 'Messages of theirs that are not answered yet';
comment on column wechat.conversation_summary.last_text is 'The latest that they wrote; null when they wrote no text';

create function wechat.delivery_hourly_between(since timestamptz, until timestamptz)
returns table (hour timestamptz, app_id text, planned bigint, sent bigint, failed bigint, expired bigint,
  unknown bigint, cancelled bigint, waiting bigint, attempts bigint)
language sql stable as $$
  select date_trunc('hour', d.created_at), d.app_id, count(*),
    count(*) filter (where d.status = 'sent'), count(*) filter (where d.status = 'failed'),
    count(*) filter (where d.status = 'expired'), count(*) filter (where d.status = 'unknown'),
    count(*) filter (where d.status = 'cancelled'), count(*) filter (where d.status in ('pending', 'sending')),
    sum(d.attempts)
  from wechat.delivery d
  where d.created_at >= since and d.created_at < until
  group by 1, 2
$$;
comment on function wechat.delivery_hourly_between is 'delivery_hourly of this time';

create view wechat.delivery_hourly as select * from wechat.delivery_hourly_between('-infinity', 'infinity');
comment on view wechat.delivery_hourly is
  'Messages to users by the hour in which they were planned; with a time range use delivery_hourly_between(since, until)';
comment on column wechat.delivery_hourly.hour is 'Begin of the hour, in the session''s time zone';
comment on column wechat.delivery_hourly.app_id is 'The account';
comment on column wechat.delivery_hourly.planned is 'All of them';
comment on column wechat.delivery_hourly.sent is 'Accepted by WeChat';
comment on column wechat.delivery_hourly.failed is 'Refused for good';
comment on column wechat.delivery_hourly.expired is 'Not sent before the reply window ended';
comment on column wechat.delivery_hourly.unknown is 'No response was seen, and not tried again';
comment on column wechat.delivery_hourly.cancelled is 'Given up by an operator';
comment on column wechat.delivery_hourly.waiting is 'Still to be sent';
comment on column wechat.delivery_hourly.attempts is 'Calls of the API that were made for them';

create view wechat.delivery_failures as
select d.created_at as at, d.app_id, d.openid, d.status as state, d.errcode, d.errmsg, d.attempts, d.msg_type as type,
  wechat.payload_text(d.payload) as text, m.content as asked, m.event, d.message_id, d.id as delivery_id
from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
where d.ended_unsent;
comment on view wechat.delivery_failures is 'Messages to users that ended without being sent; a range of at is quick';
comment on column wechat.delivery_failures.at is 'When it was planned';
comment on column wechat.delivery_failures.app_id is 'The account';
comment on column wechat.delivery_failures.openid is 'The user who did not get it';
comment on column wechat.delivery_failures.state is 'failed, expired, unknown (they may have got it) or cancelled';
comment on column wechat.delivery_failures.errcode is 'WeChat''s last code; null when there was no response';
comment on column wechat.delivery_failures.errmsg is 'WeChat''s last text, or what kept us from a response';
comment on column wechat.delivery_failures.attempts is 'Calls of the API that were made for it';
comment on column wechat.delivery_failures.type is 'Its msgtype';
comment on column wechat.delivery_failures.text is 'What they would have read';
comment on column wechat.delivery_failures.asked is 'What they had written; null when it was no text';
comment on column wechat.delivery_failures.event is 'The event that it answers; null for a message';
comment on column wechat.delivery_failures.message_id is 'The message that it answers';
comment on column wechat.delivery_failures.delivery_id is 'delivery.id, for wechat-outbox requeue';

-- A reply is planned after its message is stored: by that its part of the table is found, too.
create function wechat.reply_latency_hourly_between(since timestamptz, until timestamptz)
returns table (hour timestamptz, app_id text, answered bigint, p50 double precision, p95 double precision, p99 double precision)
language sql stable as $$
  select date_trunc('hour', answer.received_at), answer.app_id, count(*),
    percentile_cont(0.5) within group (order by answer.seconds),
    percentile_cont(0.95) within group (order by answer.seconds),
    percentile_cont(0.99) within group (order by answer.seconds)
  from (
    select m.received_at, m.app_id, extract(epoch from min(d.sent_at) - m.received_at)::double precision as seconds
    from wechat.inbound_message m join wechat.delivery d on d.message_id = m.id and d.app_id = m.app_id
    where m.received_at >= since and m.received_at < until and d.created_at >= since
      and d.status = 'sent' and d.origin = 'reply'
    group by m.id
  ) answer
  group by 1, 2
$$;
comment on function wechat.reply_latency_hourly_between is 'reply_latency_hourly of this time';

create view wechat.reply_latency_hourly as
select * from wechat.reply_latency_hourly_between('-infinity', 'infinity');
comment on view wechat.reply_latency_hourly is
  'How long users waited for the first message of an answer, by the hour in which they wrote; with a time range use reply_latency_hourly_between(since, until)';
comment on column wechat.reply_latency_hourly.hour is 'Begin of the hour, in the session''s time zone';
comment on column wechat.reply_latency_hourly.app_id is 'The account';
comment on column wechat.reply_latency_hourly.answered is 'Messages and events that got an answer';
comment on column wechat.reply_latency_hourly.p50 is 'Seconds within which half of them were answered';
comment on column wechat.reply_latency_hourly.p95 is 'Seconds within which 95 % of them were answered';
comment on column wechat.reply_latency_hourly.p99 is 'Seconds within which 99 % of them were answered';

create function wechat.event_daily_between(since timestamptz, until timestamptz)
returns table (day date, app_id text, event text, event_key text, events bigint, users bigint)
language sql stable as $$
  select (m.received_at at time zone 'Asia/Shanghai')::date, m.app_id, m.event, coalesce(m.event_key, ''), count(*),
    count(distinct m.openid)
  from wechat.inbound_message m
  where m.msg_type = 'event' and m.received_at >= since and m.received_at < until
  group by 1, 2, 3, 4
$$;
comment on function wechat.event_daily_between is 'event_daily of this time';

create view wechat.event_daily as select * from wechat.event_daily_between('-infinity', 'infinity');
comment on view wechat.event_daily is
  'Subscriptions, unsubscriptions, scans, menu clicks and all other events by day; with a time range use event_daily_between(since, until)';
comment on column wechat.event_daily.day is 'The day in China (Asia/Shanghai), as WeChat''s own statistics count';
comment on column wechat.event_daily.app_id is 'The account';
comment on column wechat.event_daily.event is 'subscribe, unsubscribe, scan, click, view, …';
comment on column wechat.event_daily.event_key is 'Menu key, scene or url; empty where there is none';
comment on column wechat.event_daily.events is 'How often';
comment on column wechat.event_daily.users is 'By how many users';

create function wechat.busiest_users_between(since timestamptz, until timestamptz)
returns table (app_id text, openid text, messages bigint, events bigint, last_at timestamptz)
language sql stable as $$
  select m.app_id, m.openid, count(*) filter (where m.msg_type <> 'event'), count(*) filter (where m.msg_type = 'event'),
    max(m.received_at)
  from wechat.inbound_message m
  where m.received_at >= since and m.received_at < until
  group by m.app_id, m.openid
$$;
comment on function wechat.busiest_users_between is 'busiest_users of this time; order by messages desc';

create view wechat.busiest_users as
select * from wechat.busiest_users_between(now() - interval '7 days', 'infinity') order by messages desc, openid;
comment on view wechat.busiest_users is 'Users of the last 7 days, those who wrote most first; for another time use busiest_users_between(since, until)';
comment on column wechat.busiest_users.app_id is 'The account';
comment on column wechat.busiest_users.openid is 'The user';
comment on column wechat.busiest_users.messages is 'Messages of theirs';
comment on column wechat.busiest_users.events is 'Events of theirs: clicks, scans, …';
comment on column wechat.busiest_users.last_at is 'When the latest of both was stored';

-- Chinese has no spaces between words: a substring is what people look for. The longest word is set apart, because an
-- index of trigrams can serve one pattern, and the longest is the rarest; a statement made for these words lets the
-- planner see them.
create function wechat.search_messages(
  query text, since timestamptz default now() - interval '30 days', until timestamptz default 'infinity',
  of_app_id text default null, max integer default 100)
returns table (at timestamptz, direction text, app_id text, openid text, text text, message_id bigint, delivery_id bigint)
language plpgsql stable as $$
declare
  patterns text[] := array(
    select '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%'
    from regexp_split_to_table(trim(query), '\s+') word where word <> '' order by length(word) desc);
begin
  if cardinality(patterns) = 0 then
    raise exception 'say what to search for' using errcode = 'invalid_parameter_value';
  end if;
  return query execute format(
    $sql$
      select * from (
        (select m.received_at as at, 'in', m.app_id, m.openid, m.content, m.id, null::bigint
         from wechat.inbound_message m
         where m.content ilike %1$L and m.content ilike all ($1) and m.received_at >= $2 and m.received_at < $3
           and ($4 is null or m.app_id = $4)
         order by m.received_at desc limit $5)
        union all
        (select d.created_at, 'out', d.app_id, d.openid, wechat.payload_text(d.payload), d.message_id, d.id
         from wechat.delivery d
         where wechat.payload_text(d.payload) ilike %1$L and wechat.payload_text(d.payload) ilike all ($1)
           and d.created_at >= $2 and d.created_at < $3 and ($4 is null or d.app_id = $4)
         order by d.created_at desc limit $5)
      ) found
      order by found.at desc limit $5
    $sql$, patterns[1])
  using patterns, since, until, of_app_id, max;
end
$$;
comment on function wechat.search_messages is
  'Messages of both directions that contain all these words (parts of words, in any case), the newest first, by default of the last 30 days; needs no extension, and is quicker over long times after enable_fast_search';

-- Not part of the migration: the indexes cost each message, and building them stops writes for as long as it takes.
create function wechat.enable_fast_search() returns text
language plpgsql as $$
declare
  rows bigint := (select sum(greatest(reltuples, 0)) from pg_class
    where oid in ('wechat.inbound_message'::regclass, 'wechat.delivery'::regclass));
  knows_chinese boolean;
begin
  begin
    create extension if not exists pg_trgm;
  exception
    when insufficient_privilege then
      return 'pg_trgm comes with Postgres, but you may not create it: let an administrator run "create extension pg_trgm" in this database, then call this again';
    when undefined_file or feature_not_supported then
      return 'pg_trgm is not installed on this server: install the package of Postgres''s contrib modules, then call this again; until then searching reads the messages of the time asked for';
  end;
  -- By the database's LC_CTYPE: under C, Chinese characters are no letters, and make no trigrams.
  execute $sql$ select cardinality(show_trgm('退款单')) > 0 $sql$ into knows_chinese;
  if not knows_chinese then
    return 'this database takes no Chinese character for a letter (its LC_CTYPE is ' ||
      (select datctype from pg_database where datname = current_database()) ||
      '), so an index would hold none; searching reads the messages of the time asked for. A database with lc_ctype C.UTF-8 would do';
  end if;
  if rows > 200000 then
    return 'with this many messages, build the indexes without stopping the service, in psql: '
      'create index concurrently if not exists inbound_message_text on wechat.inbound_message using gin (content gin_trgm_ops); '
      'create index concurrently if not exists delivery_text on wechat.delivery using gin (wechat.payload_text(payload) gin_trgm_ops);';
  end if;
  create index if not exists inbound_message_text on wechat.inbound_message using gin (content gin_trgm_ops);
  create index if not exists delivery_text on wechat.delivery using gin (wechat.payload_text(payload) gin_trgm_ops);
  return 'ready: words of three characters and more are found by an index';
end
$$;
comment on function wechat.enable_fast_search is
  'Indexes the texts by trigrams (pg_trgm), which costs every message a little; says what was done, or what is to do';
revoke execute on function wechat.enable_fast_search() from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'wechat_analyst') then
    return;
  end if;
  grant usage on schema wechat to wechat_analyst;
  grant select on
    wechat.inbound_message, wechat.delivery, wechat.delivery_attempt, wechat.lane, wechat.account_pause,
    wechat.worker_process, wechat.operator_action, wechat.message_history, wechat.conversation_summary, wechat.delivery_hourly,
    wechat.delivery_failures, wechat.reply_latency_hourly, wechat.event_daily, wechat.busiest_users
  to wechat_analyst;
  -- Everything but the secret itself.
  grant select (app_id, kind, expires_at, version, refreshed_at, forced_at, forced_that_day)
    on wechat.credential to wechat_analyst;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant wechat_analyst to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_analyst was not granted all: %', sqlerrm;
  -- Another database of this server granting the membership at the same moment.
  when unique_violation then
    null;
end
$$;
