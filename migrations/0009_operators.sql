-- What operators do: requeue, cancel, send, pause, resume. The command line calls these functions; so may psql.
-- Each change leaves a row in operator_action.

-- A role to grant to people. Roles belong to the whole server, so it may be there already, or another database's
-- migration may be adding it right now; and the migrating user may not be allowed to.
do $$
begin
  if not exists (select from pg_roles where rolname = 'wechat_operator') then
    create role wechat_operator nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise notice 'role wechat_operator not created: let an administrator run "create role wechat_operator nologin", and grant as in migrations/0009_operators.sql';
end
$$;

create table wechat.operator_action (
  id        bigint generated always as identity primary key,
  acted_at  timestamptz not null default now(),
  actor     text not null,
  db_user   text not null default session_user,
  action    text not null,
  app_id    text,
  details   jsonb not null,
  affected  integer not null
);
create index operator_action_acted_at on wechat.operator_action using brin (acted_at);

comment on table wechat.operator_action is 'Every change that an operator made, by the command line or in SQL; append-only';
comment on column wechat.operator_action.id is 'Identity, in the order of the actions';
comment on column wechat.operator_action.acted_at is 'When';
comment on column wechat.operator_action.actor is
  'Who: user@host of the command line, what the session set as wechat.operator, or else the database user';
comment on column wechat.operator_action.db_user is 'The database user of the session';
comment on column wechat.operator_action.action is
  'requeue, requeue_message, cancel, cancel_message, send, pause, resume, token_refresh or forget';
comment on column wechat.operator_action.app_id is 'The account, where the action is about one; null otherwise';
comment on column wechat.operator_action.details is 'Its arguments: ids, filters, reason; never content';
comment on column wechat.operator_action.affected is 'How many deliveries or messages it changed';

create function wechat.record_action(of_action text, of_app_id text, with_details jsonb, of_affected integer) returns void
language sql security definer set search_path = '' as $$
  insert into wechat.operator_action (actor, action, app_id, details, affected)
  values (
    coalesce(nullif(current_setting('wechat.operator', true), ''), session_user),
    of_action, of_app_id, with_details, of_affected)
$$;
comment on function wechat.record_action is 'Adds a row to operator_action, on behalf of whoever is connected';

alter table wechat.delivery
  add column origin text not null default 'reply' check (origin in ('reply', 'operator')),
  add column ignores_window boolean not null default false;
comment on column wechat.delivery.origin is 'reply: by the reply logic; operator: sent by hand';
comment on column wechat.delivery.ignores_window is
  'Requeued or sent by force after its reply window: WeChat is asked although it will likely refuse (45015)';

-- Until when this user may be answered: the end of the longest window that anything they did within 48 h opened.
create function wechat.window_of(of_app_id text, of_openid text) returns timestamptz
language sql stable as $$
  select max(window_ends_at) from wechat.inbound_message
  where app_id = of_app_id and openid = of_openid and created_at > now() - interval '7 days'
$$;
comment on function wechat.window_of is
  'Until when WeChat lets this user be answered, as far as we know; null when they never opened a window of late';

-- Found by leaps along an index, as many as there are accounts; "distinct" would read the history.
create function wechat.accounts() returns setof text
language sql stable as $$
  with recursive account as (
    (select m.app_id from wechat.inbound_message m order by m.app_id limit 1)
    union all
    select (select m.app_id from wechat.inbound_message m where m.app_id > account.app_id order by m.app_id limit 1)
    from account where account.app_id is not null
  )
  select app_id from account where app_id is not null
$$;
comment on function wechat.accounts is 'The accounts that ever received a message';

create function wechat.requeue_verdict(delivery_ids bigint[])
returns table (
  delivery_id bigint, message_id bigint, app_id text, openid text, status text, errcode integer,
  window_ends_at timestamptz, verdict text)
language sql stable as $$
  select asked.id, d.message_id, d.app_id, d.openid, d.status, d.errcode, reach.window_ends_at,
    case
      when d.id is null then 'not_found'
      when d.status = 'sent' then 'sent'
      when d.status in ('pending', 'sending') then 'waiting'
      when m.claimed_by is not null then 'in_hand'
      when reach.window_ends_at <= now() or reach.window_ends_at is null then 'window_closed'
      -- WeChat said that the window is over, or used up, and only the user can open another.
      when d.errcode in (45015, 45047) and not exists (
        select from wechat.inbound_message later
        where later.app_id = d.app_id and later.openid = d.openid
          and later.created_at > coalesce(d.attempt_started_at, d.created_at)) then 'window_closed'
      else 'ready'
    end
  from (select distinct id from unnest(delivery_ids) as listed (id)) asked
  left join wechat.delivery d on d.id = asked.id
  left join wechat.inbound_message m on m.id = d.message_id
  left join lateral (select wechat.window_of(d.app_id, d.openid) as window_ends_at) reach on d.id is not null
  order by asked.id
$$;
comment on function wechat.requeue_verdict is
  'What requeue would say of these deliveries, changing nothing: ready, not_found, sent, waiting (it is on its way), in_hand (a worker has its message now: try again in a moment) or window_closed (WeChat would refuse it; force tries all the same)';

-- Jobs for the conversations of these messages: for their heads, as only these are worked on.
create function wechat.wake_conversations(message_ids bigint[]) returns void
language sql as $$
  select wechat.add_answer_jobs(array_agg(head.id), array_agg(head.urgent), array_agg(now()))
  from (
    select distinct app_id, openid from wechat.inbound_message where id = any(message_ids)
  ) conversation
  cross join lateral (
    select m.id, wechat.is_urgent(m.window_ends_at, m.created_at) and m.window_ends_at > now() as urgent
    from wechat.inbound_message m
    where m.app_id = conversation.app_id and m.openid = conversation.openid and m.settled_at is null
    order by m.id limit 1
  ) head
  having count(*) > 0
$$;
comment on function wechat.wake_conversations is 'Gives a job to the first unsettled message of each of these messages'' conversations';

-- Locks the messages that no worker and no other operator has in hand. It waits for nobody, so it can be in nobody's
-- way: what is locked elsewhere is told as in_hand.
create function wechat.hold_messages(message_ids bigint[]) returns bigint[]
language sql as $$
  select coalesce(array_agg(held.id), '{}') from (
    select m.id from wechat.inbound_message m
    where m.id = any(message_ids) and m.claimed_by is null
    order by m.id for update skip locked
  ) held
$$;
comment on function wechat.hold_messages is 'Locks those of these messages that nobody has in hand, until the end of the transaction; returns them';

-- The message goes back to the point where this delivery was still to be sent; its attempts stay on record and are
-- numbered on. While the row of the message is locked no worker can claim it, and what they wrote before is seen,
-- for each statement here looks anew.
create function wechat.requeue_many(delivery_ids bigint[], force boolean default false)
returns table (delivery_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  held bigint[];
  reopened bigint[];
  requeued bigint[];
begin
  held := wechat.hold_messages(array(select d.message_id from wechat.delivery d where d.id = any(delivery_ids)));

  with verdict as materialized (
    select * from wechat.requeue_verdict(delivery_ids) v where v.message_id = any(held)
  ),
  reset as (
    update wechat.delivery d
    set status = 'pending', failures = 0, next_attempt_at = null, ignores_window = v.verdict = 'window_closed'
    from verdict v
    where d.id = v.delivery_id and (v.verdict = 'ready' or (force and v.verdict = 'window_closed'))
    returning d.id, d.message_id
  ),
  opened as (
    update wechat.inbound_message m
    set status = 'answering', settled_at = null, due_at = now()
    where m.id in (select reset.message_id from reset)
    returning m.id
  )
  select array(select id from reset), array(select id from opened) into requeued, reopened;

  if cardinality(requeued) > 0 then
    perform wechat.wake_conversations(reopened);
    perform wechat.record_action('requeue',
      (select min(d.app_id) from wechat.delivery d where d.id = any(requeued) having count(distinct d.app_id) = 1),
      jsonb_build_object('deliveries', to_jsonb(requeued[:1000]), 'force', force), cardinality(requeued));
  end if;

  return query
    select v.delivery_id,
      case
        when v.delivery_id = any(requeued) then 'requeued'
        -- Locked by somebody else just now.
        when v.verdict in ('ready', 'window_closed') and not v.message_id = any(held) then 'in_hand'
        else v.verdict
      end
    from wechat.requeue_verdict(delivery_ids) v;
end
$$;
comment on function wechat.requeue_many is
  'Sends these deliveries again that ended without being sent; safe to run twice and while workers run. Of each: requeued, or why not, as requeue_verdict says';

create function wechat.requeue(delivery_id bigint, force boolean default false) returns text
language sql as $$
  select result from wechat.requeue_many(array[delivery_id], force)
$$;
comment on function wechat.requeue is
  'Sends a delivery again that ended without being sent: requeued, or why not, as requeue_verdict says';

create function wechat.requeue_candidates(
  state text default 'failed', code integer default null, since interval default '24 hours',
  account text default null, max integer default 1000)
returns setof bigint
language plpgsql stable as $$
begin
  if state not in ('failed', 'expired', 'unknown', 'cancelled') then
    raise exception 'state must be failed, expired, unknown or cancelled, not "%"', state
      using errcode = 'invalid_parameter_value';
  end if;
  return query
    select d.id
    from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
    where d.status = state and d.status <> 'sent'
      and (code is null or d.errcode = code)
      and (account is null or d.app_id = account)
      and coalesce(m.settled_at, 'infinity') >= now() - since
    order by d.id limit max;
end
$$;
comment on function wechat.requeue_candidates is
  'Deliveries that ended in this state (failed, expired, unknown or cancelled) no longer ago than since, by errcode and account if given; oldest first';

create function wechat.requeue_failed(
  state text default 'failed', code integer default null, since interval default '24 hours',
  account text default null, max integer default 1000, force boolean default false)
returns table (delivery_id bigint, result text)
language sql as $$
  select * from wechat.requeue_many(
    array(select wechat.requeue_candidates(state, code, since, account, max)), force)
$$;
comment on function wechat.requeue_failed is 'requeue_many of all that requeue_candidates names';

-- Messages whose reply logic failed for good have no deliveries: the logic is to run again.
create function wechat.requeue_message_verdict(message_ids bigint[])
returns table (message_id bigint, verdict text)
language sql stable as $$
  select asked.id,
    case
      when m.id is null then 'not_found'
      when m.status <> 'failed' or exists (select from wechat.delivery d where d.message_id = m.id) then 'not_failed'
      when wechat.window_of(m.app_id, m.openid) > now() then 'ready'
      else 'window_closed'
    end
  from (select distinct id from unnest(message_ids) as listed (id)) asked
  left join wechat.inbound_message m on m.id = asked.id
  order by asked.id
$$;
comment on function wechat.requeue_message_verdict is
  'What requeue_messages would say, changing nothing: ready, not_found, not_failed (its reply logic has not failed for good) or window_closed (force tries all the same)';

create function wechat.requeue_messages(message_ids bigint[], force boolean default false)
returns table (message_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  held bigint[];
  reopened bigint[];
begin
  held := wechat.hold_messages(message_ids);

  with opened as (
    update wechat.inbound_message m
    set status = 'received', settled_at = null, due_at = now(), reply_attempts = 0, crashes = 0, reply_started_at = null
    where m.id in (
      select v.message_id from wechat.requeue_message_verdict(held) v
      where v.verdict = 'ready' or (force and v.verdict = 'window_closed'))
    returning m.id
  )
  select array(select id from opened) into reopened;

  if cardinality(reopened) > 0 then
    perform wechat.wake_conversations(reopened);
    perform wechat.record_action('requeue_message',
      (select min(m.app_id) from wechat.inbound_message m where m.id = any(reopened) having count(distinct m.app_id) = 1),
      jsonb_build_object('messages', to_jsonb(reopened[:1000]), 'force', force), cardinality(reopened));
  end if;

  return query
    select v.message_id,
      case
        when v.message_id = any(reopened) then 'requeued'
        when v.verdict in ('ready', 'window_closed') and not v.message_id = any(held) then 'in_hand'
        else v.verdict
      end
    from wechat.requeue_message_verdict(message_ids) v;
end
$$;
comment on function wechat.requeue_messages is
  'Runs the reply logic again for messages for which it failed for good. Of each: requeued, or why not, as requeue_message_verdict says';

create function wechat.requeue_message(message_id bigint, force boolean default false) returns text
language sql as $$
  select result from wechat.requeue_messages(array[message_id], force)
$$;
comment on function wechat.requeue_message is 'requeue_messages of one';

-- An attempt that a worker left behind may have been carried out: it is on record as unknown before it is given up.
create function wechat.cancel_many(delivery_ids bigint[]) returns table (delivery_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  held bigint[];
  cancelled bigint[];
  messages bigint[];
begin
  held := wechat.hold_messages(array(select d.message_id from wechat.delivery d where d.id = any(delivery_ids)));

  with open as materialized (
    select d.id, d.attempts, d.attempt_started_at, d.status
    from wechat.delivery d
    where d.id = any(delivery_ids) and d.message_id = any(held) and d.status in ('pending', 'sending')
  ),
  lost as (
    insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, errmsg)
    select open.id, open.attempts, open.attempt_started_at, now(), 'unknown', 'cancelled before its end was known'
    from open where open.status = 'sending'
    on conflict do nothing
  ),
  ended as (
    update wechat.delivery d
    set status = 'cancelled', next_attempt_at = null, errmsg = coalesce(d.errmsg, 'cancelled by an operator')
    from open where d.id = open.id
    returning d.id, d.message_id
  )
  select array(select id from ended), array(select distinct message_id from ended) into cancelled, messages;

  if cardinality(cancelled) > 0 then
    update wechat.inbound_message m
    set status = 'settled', settled_at = now()
    where m.id = any(messages) and m.settled_at is null and not exists (
      select from wechat.delivery d where d.message_id = m.id and d.status in ('pending', 'sending'));
    perform wechat.wake_conversations(messages);
    perform wechat.record_action('cancel',
      (select min(d.app_id) from wechat.delivery d where d.id = any(cancelled) having count(distinct d.app_id) = 1),
      jsonb_build_object('deliveries', to_jsonb(cancelled[:1000])), cardinality(cancelled));
  end if;

  return query
    select asked.id,
      case
        when asked.id = any(cancelled) then 'cancelled'
        when d.id is null then 'not_found'
        when d.status not in ('pending', 'sending') then 'final'
        else 'in_hand'
      end
    from (select distinct id from unnest(delivery_ids) as listed (id)) asked
    left join wechat.delivery d on d.id = asked.id
    order by asked.id;
end
$$;
comment on function wechat.cancel_many is
  'Gives up deliveries that wait; a message of which nothing is left is settled, and its conversation goes on. Of each: cancelled, not_found, final (it has ended) or in_hand (a worker has its message now: try again in a moment)';

create function wechat.cancel(delivery_id bigint) returns text
language sql as $$
  select result from wechat.cancel_many(array[delivery_id])
$$;
comment on function wechat.cancel is 'cancel_many of one';

create function wechat.cancel_message(message_id bigint) returns text
language plpgsql security definer set search_path = '' as $$
declare
  held bigint[] := wechat.hold_messages(array[message_id]);
  message wechat.inbound_message;
  of_message alias for message_id;
begin
  select * into message from wechat.inbound_message m where m.id = of_message;
  if message.id is null then
    return 'not_found';
  elsif message.settled_at is not null then
    return 'final';
  elsif cardinality(held) = 0 then
    return 'in_hand';
  elsif message.status = 'received' then
    update wechat.inbound_message m
    set status = 'settled', settled_at = now(), error = 'cancelled by an operator'
    where m.id = of_message;
    perform wechat.wake_conversations(held);
    perform wechat.record_action(
      'cancel_message', message.app_id, jsonb_build_object('messages', to_jsonb(held)), 1);
    return 'cancelled';
  end if;
  return (
    select min(c.result) from wechat.cancel_many(array(
      select d.id from wechat.delivery d where d.message_id = of_message and d.status in ('pending', 'sending'))) c);
end
$$;
comment on function wechat.cancel_message is
  'Gives up all that waits of a message, or the message itself if the reply logic has not run: cancelled, not_found, final or in_hand';

-- By way of the outbox, as one more delivery of the latest message, which is opened again for it.
create function wechat.send(of_app_id text, of_openid text, payload jsonb, force boolean default false)
returns table (delivery_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  latest bigint;
  held bigint[];
  in_reach boolean := coalesce(wechat.window_of(of_app_id, of_openid) > now(), false);
  added bigint;
begin
  if jsonb_typeof(payload) <> 'object' or not coalesce(payload ? (payload ->> 'msgtype'), false) then
    raise exception 'the payload must be a message of the customer-service API without touser, such as {"msgtype": "text", "text": {"content": "…"}}'
      using errcode = 'invalid_parameter_value';
  end if;
  select max(m.id) into latest from wechat.inbound_message m where m.app_id = of_app_id and m.openid = of_openid;
  if latest is null then
    return query select null::bigint, 'no_message';
    return;
  elsif not in_reach and not force then
    return query select null::bigint, 'window_closed';
    return;
  end if;
  held := wechat.hold_messages(array[latest]);
  -- Looked at anew, now that it is locked. Until its own replies are planned, their places are theirs.
  if not exists (select from wechat.inbound_message m where m.id = any(held) and m.status <> 'received') then
    return query select null::bigint, 'busy';
    return;
  end if;

  insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, origin, ignores_window)
  select latest, coalesce(max(d.position), 0) + 1, of_app_id, of_openid, send.payload ->> 'msgtype', send.payload,
    'operator', not in_reach
  from wechat.delivery d where d.message_id = latest
  returning id into added;
  update wechat.inbound_message m
  set status = 'answering', settled_at = null,
      due_at = case when m.settled_at is null then m.due_at else now() end
  where m.id = latest;
  perform wechat.wake_conversations(array[latest]);
  perform wechat.record_action(
    'send', of_app_id, jsonb_build_object('delivery', added, 'msgtype', payload ->> 'msgtype', 'force', force), 1);
  return query select added, 'queued';
end
$$;
comment on function wechat.send is
  'Sends a message to a user who wrote before, behind what is on its way to them: queued, no_message (they never wrote), window_closed (WeChat would refuse it; force tries all the same) or busy (their latest message is being answered: try again in a moment)';

-- As before for the service itself; resume, which people call, records it.
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
comment on function wechat.end_pause is 'Ends any pause of an account and wakes its messages; false when it was not paused';

create or replace function wechat.pause(of_app_id text, because text default null) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into wechat.account_pause (app_id, reason, errmsg) values (of_app_id, 'operator', because)
  on conflict (app_id) do update
  set reason = 'operator', errcode = null, errmsg = because, paused_at = now(), probe_at = null, probe_message_id = null;
  perform wechat.record_action('pause', of_app_id, jsonb_build_object('reason', because), 1);
end
$$;

create or replace function wechat.resume(of_app_id text) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  was_paused boolean := wechat.end_pause(of_app_id);
begin
  if was_paused then
    perform wechat.record_action('resume', of_app_id, '{}', 1);
  end if;
  return was_paused;
end
$$;

-- These run with the rights of their owner: for nobody but operators.
revoke execute on function
  wechat.record_action(text, text, jsonb, integer),
  wechat.requeue_many(bigint[], boolean), wechat.requeue_messages(bigint[], boolean),
  wechat.cancel_many(bigint[]), wechat.cancel_message(bigint), wechat.send(text, text, jsonb, boolean),
  wechat.pause(text, text), wechat.resume(text)
from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'wechat_operator') then
    return;
  end if;
  grant usage on schema wechat to wechat_operator;
  grant select on wechat.inbound_message, wechat.delivery, wechat.delivery_attempt, wechat.account_pause,
    wechat.worker_process, wechat.media_upload, wechat.operator_action, wechat.schema_migration to wechat_operator;
  -- Everything but the secret itself.
  grant select (app_id, kind, expires_at, version, refreshed_at, forced_at, forced_that_day)
    on wechat.credential to wechat_operator;
  grant execute on function
    wechat.requeue_many(bigint[], boolean), wechat.requeue_messages(bigint[], boolean),
    wechat.cancel_many(bigint[]), wechat.cancel_message(bigint), wechat.send(text, text, jsonb, boolean),
    wechat.pause(text, text), wechat.resume(text)
  to wechat_operator;
exception
  -- Another database of this server granting at the same moment cannot collide; only rights may be missing.
  when insufficient_privilege then
    raise notice 'wechat_operator was granted nothing: %', sqlerrm;
end
$$;
