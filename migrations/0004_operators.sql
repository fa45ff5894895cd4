-- What operators do: requeue, cancel, send, pause, resume, forget. The command line calls these functions; so may psql.
-- Each change leaves a row in operator_action.
--
-- They lock as workers do (src/outbox/README.md): lanes first, in the order (app_id, openid, slot), and in a second statement,
-- which sees all that was committed before the locks were had, messages, then deliveries, then attempts. What is locked
-- already they leave alone and tell as in_hand, so that they wait for nobody. Only where a lane is missing, they may wait for
-- whoever is adding it: that is done first, in the same order, while they hold nothing else.
--
-- Locks last until the end of the transaction: call them for some hundreds at a time, and commit at once.

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
    raise notice 'role wechat_operator not created: let an administrator run "create role wechat_operator nologin", and grant as in migrations/0004_operators.sql';
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
  'Who: user@host of the command line, what the session set as wechat.operator, or else the database user; system: a worker, by itself';
comment on column wechat.operator_action.db_user is 'The database user of the session';
comment on column wechat.operator_action.action is
  'requeue, requeue_message, cancel, cancel_message, send, pause, resume, token_refresh, menu_push, forget, takeover, ask_for_person, hand_back, agent_send, saved_answer_add, saved_answer_change, saved_answer_drop, user_add, user_change, user_remove, user_sign_out or rules_change';
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

-- How much is not answered yet. The cost is that of what waits, not of the history.
create function wechat.backlog() returns table (app_id text, state text, messages bigint, oldest_at timestamptz)
language sql stable as $$
  select l.app_id,
    case when l.claim is not null then 'claimed' when l.due_at <= now() then 'ready' else 'delayed' end,
    sum(l.waiting), min(l.waiting_since)
  from wechat.lane l
  group by 1, 2
$$;
comment on function wechat.backlog is
  'Unsettled messages by account and state: ready (due, and nobody works on their conversation), claimed (a worker has it) or delayed (it waits for its next try); and since when the oldest waits';

-- Lanes.

-- A lane that is made here is on probation: it has no open message yet, and whoever makes it puts one in or drops it before
-- the commit. Nobody else sees it until then, but its key holds back who would add one.
create function wechat.hold_lanes(
  message_ids bigint[], adding boolean, only_free boolean, out held bigint[], out made bigint[])
language plpgsql as $$
begin
  made := '{}';
  if adding then
    with missing as (
      insert into wechat.lane (app_id, openid, slot, arrivals, waiting, waiting_since, done_id)
      select m.app_id, m.openid, m.slot, 1, 1, min(m.received_at), min(m.id) - 1
      from wechat.inbound_message m
      where m.id = any(message_ids) and not exists (
        select from wechat.lane l where (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot))
      group by m.app_id, m.openid, m.slot
      order by m.app_id, m.openid, m.slot
      on conflict do nothing
      returning id
    )
    select array(select id from missing) into made;
  end if;
  held := array(
    select l.id
    from (select distinct m.app_id, m.openid, m.slot from wechat.inbound_message m where m.id = any(message_ids)) asked
    join wechat.lane l on (l.app_id, l.openid, l.slot) = (asked.app_id, asked.openid, asked.slot)
    where not only_free or l.claim is null
    order by l.app_id, l.openid, l.slot for update of l skip locked);
end
$$;
comment on function wechat.hold_lanes is
  'Locks the lanes of these messages, until the end of the transaction, but for those that somebody else has locked, or (only_free) a worker holds; adding: makes those that are missing. Returns the lanes that are locked now, and of these the ones made';

-- `arrivals` grows and the cursor falls, by one at least: so a worker that holds the lane sees that something has come, looks
-- again, and does not raise the cursor over it (src/outbox/settle.ts). A lane that is free gets its ring.
create function wechat.reopen_lanes(message_ids bigint[], opened bigint[], made bigint[], at_once boolean) returns void
language sql as $$
  with message as (
    select m.app_id, m.openid, m.slot, count(*) as messages, count(*) filter (where m.id = any(opened)) as opened,
      min(m.id) as first_id, min(m.received_at) as received_at,
      max(m.window_ends_at) filter (where wechat.is_urgent(m.window_ends_at, m.created_at) and m.window_ends_at > now())
        as urgent_until
    from wechat.inbound_message m
    where m.id = any(message_ids)
    group by m.app_id, m.openid, m.slot
  ),
  lane as (
    update wechat.lane l
    set arrivals = l.arrivals + message.messages,
        waiting = greatest(1, message.opened + case when l.id = any(made) then 0 else l.waiting end),
        waiting_since = least(l.waiting_since, message.received_at),
        done_id = least(l.done_id - 1, message.first_id - 1),
        due_at = case when at_once then least(l.due_at, now()) else l.due_at end,
        urgent_until = greatest(l.urgent_until, message.urgent_until)
    from message
    where (l.app_id, l.openid, l.slot) = (message.app_id, message.openid, message.slot)
    returning l.id, l.claim, coalesce(l.urgent_until > now(), false) as urgent, l.due_at
  ),
  dropped as (
    delete from wechat.lane l
    where l.id = any(made) and not exists (
      select from message where (l.app_id, l.openid, l.slot) = (message.app_id, message.openid, message.slot))
  )
  select wechat.ring(array_agg(id), array_agg(urgent), array_agg(due_at)) from lane where claim is null having count(*) > 0
$$;
comment on function wechat.reopen_lanes is
  'Notes in their lanes, which the caller has locked, that these messages are to be worked on again; opened: those of them that were settled; made: lanes that had no message before, which go where none of these is theirs; at_once: whatever they wait for';

-- For lanes that are free and locked by the caller. Whoever waited behind a closed message goes on at once, with a clean slate; so
-- does what waited within a message for the retry of a delivery that was given up, and there the slate is the message's.
create function wechat.close_lanes(lane_ids bigint[], closed bigint[], given_up bigint[] default '{}') returns void
language plpgsql as $$
declare
  freed bigint[];
begin
  delete from wechat.lane l
  where l.id = any(lane_ids) and not exists (
    select from wechat.inbound_message m
    where m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id and m.settled_at is null);

  with open as materialized (
    select l.id, message.first_id, message.received_at, message.waiting,
      exists (
        select from wechat.inbound_message m
        where m.id = any(closed) and (m.app_id, m.openid, m.slot) = (l.app_id, l.openid, l.slot) and m.id < message.first_id
      ) as is_next,
      exists (
        select from wechat.delivery d
        where d.id = any(given_up) and d.message_id = message.first_id and not exists (
          select from wechat.delivery before
          where before.message_id = d.message_id and before.position < d.position and before.status in ('pending', 'sending'))
      ) as is_unblocked
    from wechat.lane l
    cross join lateral (
      select min(m.id) as first_id, min(m.received_at) as received_at, count(*) as waiting
      from wechat.inbound_message m
      where m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id and m.settled_at is null
    ) message
    where l.id = any(lane_ids)
  ),
  kept as (
    update wechat.lane l
    set done_id = open.first_id - 1, waiting = open.waiting, waiting_since = open.received_at,
        due_at = case when open.is_next or open.is_unblocked then least(l.due_at, now()) else l.due_at end,
        failures = case when open.is_next then 0 else l.failures end,
        crashes = case when open.is_next then 0 else l.crashes end,
        error = case when not open.is_next then l.error end
    from open where l.id = open.id
    returning l.id, open.is_next or open.is_unblocked as goes_on
  )
  select array(select id from kept where goes_on) into freed;

  perform wechat.ring(array_agg(l.id), array_agg(coalesce(l.urgent_until > now(), false)), array_agg(l.due_at))
  from wechat.lane l where l.id = any(freed) having count(*) > 0;
end
$$;
comment on function wechat.close_lanes is
  'Lets these lanes go on after messages in them were closed, and deliveries given up: those of which nothing is left go, and the others get a ring where what they waited for was among these';

-- Requeue.

-- In hand are the message that a worker works on, which is not settled, and those that it settled under the same claim: while
-- it has the lane, a statement of its own whose answer was lost may come again. Earlier messages of the user may be requeued.
create function wechat.requeue_verdict(delivery_ids bigint[])
returns table (
  delivery_id bigint, message_id bigint, app_id text, openid text, status text, errcode integer,
  window_ends_at timestamptz, verdict text)
language sql stable as $$
  with asked as materialized (
    select listed.id as asked_id, d.*
    from (select distinct id from unnest(delivery_ids) as given (id)) listed
    left join wechat.delivery d on d.id = listed.id
  ),
  reach as materialized (
    select one.app_id, one.openid, wechat.window_of(one.app_id, one.openid) as window_ends_at
    from (select distinct d.app_id, d.openid from asked d where d.ended_unsent) one
  )
  select d.asked_id, d.message_id, d.app_id, d.openid, d.status, d.errcode, reach.window_ends_at,
    case
      when d.id is null or m.id is null then 'not_found'
      when d.status = 'sent' then 'sent'
      when d.status in ('pending', 'sending') then 'waiting'
      when m.forgotten_at is not null then 'forgotten'
      when l.claimed_at <= coalesce(m.settled_at, 'infinity') then 'in_hand'
      when reach.window_ends_at <= now() or reach.window_ends_at is null then 'window_closed'
      -- WeChat said that the window is over, or used up, and only the user can open another.
      when d.errcode in (45015, 45047) and not exists (
        select from wechat.inbound_message later
        where later.app_id = d.app_id and later.openid = d.openid and later.id > d.message_id
          and later.created_at > coalesce(d.attempt_started_at, d.created_at)) then 'window_closed'
      else 'ready'
    end
  from asked d
  left join wechat.inbound_message m on m.id = d.message_id
  left join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
  left join reach on (reach.app_id, reach.openid) = (d.app_id, d.openid)
  order by d.asked_id
$$;
comment on function wechat.requeue_verdict is
  'What requeue would say of these deliveries, changing nothing: ready, not_found, sent, waiting (it is on its way), forgotten (nobody knows any more who it was for), in_hand (a worker has its message now: try again in a moment) or window_closed (WeChat would refuse it; force tries all the same)';

-- The message goes back to the point where this delivery was still to be sent; its attempts stay on record and are
-- numbered on.
create function wechat.requeue_many(delivery_ids bigint[], force boolean default false)
returns table (delivery_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  lanes record;
  requeued bigint[];
  messages bigint[];
  opened bigint[];
begin
  select * into lanes from wechat.hold_lanes(array(
    select v.message_id from wechat.requeue_verdict(delivery_ids) v
    where v.verdict = 'ready' or (force and v.verdict = 'window_closed')), adding => true, only_free => false);

  with verdict as materialized (
    select * from wechat.requeue_verdict(delivery_ids) v
    where v.verdict = 'ready' or (force and v.verdict = 'window_closed')
  ),
  message as materialized (
    select m.id, m.settled_at
    from wechat.inbound_message m
    join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot) and l.id = any(lanes.held)
    where m.id in (select v.message_id from verdict v)
    order by m.id for update of m skip locked
  ),
  reset as (
    update wechat.delivery d
    set status = 'pending', failures = 0, next_attempt_at = null, ignores_window = v.verdict = 'window_closed'
    from verdict v join message on message.id = v.message_id
    -- Not where an end that came late has told meanwhile that it was sent.
    where d.id = v.delivery_id and d.ended_unsent
    returning d.id, d.message_id
  ),
  opened as (
    update wechat.inbound_message m
    set status = 'received', settled_at = null
    from message
    where m.id = message.id and message.settled_at is not null and m.id in (select reset.message_id from reset)
    returning m.id
  )
  select array(select id from reset), array(select distinct reset.message_id from reset), array(select id from opened)
  into requeued, messages, opened;

  perform wechat.reopen_lanes(messages, opened, lanes.made, at_once => true);
  if cardinality(requeued) > 0 then
    perform wechat.record_action('requeue',
      (select min(d.app_id) from wechat.delivery d where d.id = any(requeued) having count(distinct d.app_id) = 1),
      jsonb_build_object('deliveries', to_jsonb(requeued[:1000]), 'force', force), cardinality(requeued));
  end if;

  return query
    select v.delivery_id,
      case
        when v.delivery_id = any(requeued) then 'requeued'
        -- Locked by somebody else just now.
        when v.verdict = 'ready' or (force and v.verdict = 'window_closed') then 'in_hand'
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
    where d.ended_unsent and d.status = state
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
      when m.forgotten_at is not null then 'forgotten'
      when l.claimed_at <= m.settled_at then 'in_hand'
      when wechat.window_of(m.app_id, m.openid) > now() then 'ready'
      else 'window_closed'
    end
  from (select distinct id from unnest(message_ids) as listed (id)) asked
  left join wechat.inbound_message m on m.id = asked.id
  left join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
  order by asked.id
$$;
comment on function wechat.requeue_message_verdict is
  'What requeue_messages would say, changing nothing: ready, not_found, not_failed (its reply logic has not failed for good), forgotten (nobody knows any more who wrote it), in_hand (a worker has only just settled it: try again in a moment) or window_closed (force tries all the same)';

create function wechat.requeue_messages(message_ids bigint[], force boolean default false)
returns table (message_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  lanes record;
  opened bigint[];
begin
  select * into lanes from wechat.hold_lanes(array(
    select v.message_id from wechat.requeue_message_verdict(message_ids) v
    where v.verdict = 'ready' or (force and v.verdict = 'window_closed')), adding => true, only_free => false);

  with message as materialized (
    select m.id
    from wechat.inbound_message m
    join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot) and l.id = any(lanes.held)
    where m.id in (
      select v.message_id from wechat.requeue_message_verdict(message_ids) v
      where v.verdict = 'ready' or (force and v.verdict = 'window_closed'))
    order by m.id for update of m skip locked
  ),
  opened as (
    update wechat.inbound_message m
    set status = 'received', settled_at = null, error = null
    from message where m.id = message.id
    returning m.id
  )
  select array(select id from opened) into opened;

  perform wechat.reopen_lanes(opened, opened, lanes.made, at_once => true);
  -- What the lane counts is of its first message. Where that is one of these, it begins anew.
  update wechat.lane l
  set failures = 0, crashes = 0, error = null
  from wechat.inbound_message m
  where m.id = any(opened) and (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot) and l.claim is null
    and not exists (
      select from wechat.inbound_message earlier
      where earlier.app_id = m.app_id and earlier.openid = m.openid and earlier.slot = m.slot
        and earlier.id > l.done_id and earlier.id < m.id and earlier.settled_at is null);
  if cardinality(opened) > 0 then
    perform wechat.record_action('requeue_message',
      (select min(m.app_id) from wechat.inbound_message m where m.id = any(opened) having count(distinct m.app_id) = 1),
      jsonb_build_object('messages', to_jsonb(opened[:1000]), 'force', force), cardinality(opened));
  end if;

  return query
    select v.message_id,
      case
        when v.message_id = any(opened) then 'requeued'
        when v.verdict = 'ready' or (force and v.verdict = 'window_closed') then 'in_hand'
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

-- Cancel.

-- An attempt that a worker left behind may have been carried out: it is on record as unknown.
create function wechat.give_up(delivery_ids bigint[], because text default 'cancelled by an operator') returns bigint[]
language plpgsql as $$
declare
  lost bigint[];
  ended bigint[];
begin
  with open as materialized (
    select d.id, d.status from wechat.delivery d
    where d.id = any(delivery_ids) and d.status in ('pending', 'sending')
    order by d.id for update
  ),
  ended as (
    update wechat.delivery d
    set status = 'cancelled', next_attempt_at = null, errmsg = coalesce(d.errmsg, because)
    from open where d.id = open.id
    returning d.id
  )
  select array(select id from ended), array(select id from open where status = 'sending') into ended, lost;

  insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, errmsg)
  select d.id, d.attempts, d.attempt_started_at, now(), 'unknown', 'cancelled before its end was known'
  from wechat.delivery d where d.id = any(lost)
  on conflict do nothing;
  return ended;
end
$$;
comment on function wechat.give_up is
  'Cancels those of these deliveries that have not ended, and returns them; their lanes are locked by the caller, and nobody works on those that are under way';

create function wechat.cancel_many(delivery_ids bigint[]) returns table (delivery_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  lanes record;
  cancelled bigint[];
  closed bigint[];
begin
  select * into lanes from wechat.hold_lanes(array(
    select d.message_id from wechat.delivery d where d.id = any(delivery_ids) and d.status in ('pending', 'sending')),
    adding => false, only_free => true);

  cancelled := wechat.give_up(array(
    select d.id
    from wechat.delivery d
    join wechat.inbound_message m on m.id = d.message_id
    join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot) and l.id = any(lanes.held)
    where d.id = any(delivery_ids)));

  if cardinality(cancelled) > 0 then
    with closed as (
      update wechat.inbound_message m
      set status = 'settled', settled_at = now()
      where m.id in (select d.message_id from wechat.delivery d where d.id = any(cancelled))
        and m.settled_at is null and not exists (
          select from wechat.delivery d where d.message_id = m.id and d.status in ('pending', 'sending'))
      returning m.id
    )
    select array(select id from closed) into closed;
    perform wechat.close_lanes(lanes.held, closed, cancelled);
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
  'Gives up deliveries that wait; a message of which nothing is left is settled, and its conversation goes on. Of each: cancelled, not_found, final (it has ended) or in_hand (a worker has its conversation now: try again in a moment)';

create function wechat.cancel(delivery_id bigint) returns text
language sql as $$
  select result from wechat.cancel_many(array[delivery_id])
$$;
comment on function wechat.cancel is 'cancel_many of one';

create function wechat.cancel_message(message_id bigint) returns text
language plpgsql security definer set search_path = '' as $$
declare
  of_message alias for message_id;
  lanes record;
  message wechat.inbound_message;
  open bigint[];
begin
  select * into lanes from wechat.hold_lanes(array[of_message], adding => false, only_free => true);
  select * into message from wechat.inbound_message m where m.id = of_message;
  if message.id is null then
    return 'not_found';
  elsif message.settled_at is not null then
    return 'final';
  elsif cardinality(lanes.held) = 0 then
    return 'in_hand';
  end if;
  open := array(
    select d.id from wechat.delivery d where d.message_id = of_message and d.status in ('pending', 'sending'));
  if cardinality(open) > 0 then
    return (select min(c.result) from wechat.cancel_many(open) c);
  end if;
  update wechat.inbound_message m
  set status = 'settled', settled_at = now(), error = 'cancelled by an operator'
  where m.id = of_message;
  perform wechat.close_lanes(lanes.held, array[of_message]);
  perform wechat.record_action(
    'cancel_message', message.app_id, jsonb_build_object('messages', jsonb_build_array(of_message)), 1);
  return 'cancelled';
end
$$;
comment on function wechat.cancel_message is
  'Gives up all that waits of a message, or the message itself if the reply logic has not run: cancelled, not_found, final or in_hand';

-- Send.

-- By way of the outbox, as one more delivery of the latest message, which is opened again for it.
create function wechat.send(of_app_id text, of_openid text, payload jsonb, force boolean default false)
returns table (delivery_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  latest bigint;
  lanes record;
  message record;
  in_reach boolean := coalesce(wechat.window_of(of_app_id, of_openid) > now(), false);
  added bigint;
begin
  if jsonb_typeof(payload) <> 'object' or not coalesce(payload ? (payload ->> 'msgtype'), false) then
    raise exception 'the payload must be a message of the customer-service API without touser, such as {"msgtype": "text", "text": {"content": "…"}}'
      using errcode = 'invalid_parameter_value';
  end if;
  -- What a forgotten user left behind bears a pseudonym: nobody ever wrote under that.
  select max(m.id) into latest from wechat.inbound_message m
  where m.app_id = of_app_id and m.openid = of_openid and m.forgotten_at is null;
  if latest is null then
    return query select null::bigint, 'no_message';
    return;
  elsif not in_reach and not force then
    return query select null::bigint, 'window_closed';
    return;
  end if;

  select * into lanes from wechat.hold_lanes(array[latest], adding => true, only_free => true);
  -- Until its own replies are planned, their places are theirs.
  select m.id, m.settled_at is not null as is_settled into message
  from wechat.inbound_message m
  where m.id = latest and cardinality(lanes.held) > 0 and m.forgotten_at is null
    and (m.settled_at is not null or exists (select from wechat.delivery d where d.message_id = m.id))
    and not exists (
      select from wechat.inbound_message later
      where later.app_id = of_app_id and later.openid = of_openid and later.id > latest)
  for update of m skip locked;
  if message.id is null then
    perform wechat.reopen_lanes('{}', '{}', lanes.made, at_once => false);
    return query select null::bigint, 'busy';
    return;
  end if;

  insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, origin, ignores_window)
  select latest, coalesce(max(d.position), 0) + 1, of_app_id, of_openid, send.payload ->> 'msgtype', send.payload,
    'operator', not in_reach
  from wechat.delivery d where d.message_id = latest
  returning id into added;
  update wechat.inbound_message m set status = 'received', settled_at = null
  where m.id = latest and m.settled_at is not null;
  perform wechat.reopen_lanes(
    array[latest], case when message.is_settled then array[latest] else '{}' end, lanes.made, at_once => message.is_settled);
  perform wechat.record_action(
    'send', of_app_id, jsonb_build_object('delivery', added, 'msgtype', payload ->> 'msgtype', 'force', force), 1);
  return query select added, 'queued';
end
$$;
comment on function wechat.send is
  'Sends a message to a user who wrote before, behind what is on its way to them: queued, no_message (they never wrote), window_closed (WeChat would refuse it; force tries all the same) or busy (they are being answered right now: try again in a moment)';

-- Pause.

create function wechat.pause(of_app_id text, because text default null) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into wechat.account_pause (app_id, reason, errmsg) values (of_app_id, 'operator', because)
  on conflict (app_id) do update
  set reason = 'operator', errcode = null, errmsg = because, paused_at = now(), probe_at = null, probe_lane_id = null;
  perform wechat.record_action('pause', of_app_id, jsonb_build_object('reason', because), 1);
end
$$;
comment on function wechat.pause is 'Stops the sends of an account until wechat.resume; messages are stored and wait';

create function wechat.resume(of_app_id text) returns boolean
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
comment on function wechat.resume is 'Ends any pause of an account and wakes its messages; false when it was not paused';

-- Forget: the person goes, the counts stay.

-- All of the user's messages or none: whoever is forgotten in two goes would have two pseudonyms and count twice. So while
-- a worker has one in hand, only what waits behind it is given up, lest the next is in hand when that one is done.
--
-- Where the account keeps order, the user's lane is made if it is missing: it holds back what arrives meanwhile, which is then
-- another message of the user, under their openid, and is not touched. Where it does not, each new message has a lane of its own.
create function wechat.forget(of_app_id text, of_openid text)
returns table (messages integer, deliveries integer, given_up integer, in_hand integer)
language plpgsql security definer set search_path = '' as $$
declare
  held bigint[];
  free bigint[];
  known bigint[];
  locked bigint[];
  closing bigint[];
  busy_lanes bigint;
  pseudonym text := 'forgotten-' || gen_random_uuid();
begin
  insert into wechat.lane (app_id, openid, slot, arrivals, waiting, done_id)
  select of_app_id, of_openid, '', 1, 1, 0
  where exists (
      select from wechat.inbound_message m where m.app_id = of_app_id and m.openid = of_openid and m.forgotten_at is null)
    and not exists (
      select from wechat.lane l where l.app_id = of_app_id and l.openid = of_openid and l.slot = '')
  on conflict do nothing;
  held := array(
    select l.id from wechat.lane l where l.app_id = of_app_id and l.openid = of_openid
    order by l.slot for update skip locked);

  free := array(select l.id from wechat.lane l where l.id = any(held) and l.claim is null);
  select count(*) into busy_lanes
  from wechat.lane l where l.app_id = of_app_id and l.openid = of_openid and not l.id = any(free);
  known := array(
    select m.id from wechat.inbound_message m
    where m.app_id = of_app_id and m.openid = of_openid and m.forgotten_at is null);
  locked := array(
    select m.id from wechat.inbound_message m where m.id = any(known) order by m.id for update skip locked);
  -- The first open message of a lane that is claimed is what the worker has, or will have when it looks.
  closing := array(
    select m.id
    from wechat.inbound_message m join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
    where m.id = any(locked) and m.settled_at is null and l.id = any(held)
      and (l.claim is null or exists (
        select from wechat.inbound_message earlier
        where earlier.app_id = m.app_id and earlier.openid = m.openid and earlier.slot = m.slot
          and earlier.id > l.done_id and earlier.id < m.id and earlier.settled_at is null)));
  messages := 0;
  deliveries := 0;
  given_up := cardinality(closing);

  if given_up > 0 then
    perform wechat.give_up(array(select d.id from wechat.delivery d where d.message_id = any(closing)));
    -- Also those whose replies were not planned yet.
    update wechat.inbound_message m set status = 'settled', settled_at = now() where m.id = any(closing);
    update wechat.lane l set waiting = greatest(1, l.waiting - closed.messages)
    from (
      select m.slot, count(*)::integer as messages from wechat.inbound_message m where m.id = any(closing) group by m.slot
    ) closed
    where l.id = any(held) and l.claim is not null and l.slot = closed.slot;
  end if;
  -- Those that were deleted meanwhile are in nobody's hand.
  select greatest(busy_lanes, count(*)) into in_hand
  from wechat.inbound_message m
  where m.id = any(known) and (m.settled_at is null or not m.id = any(locked));

  if in_hand = 0 then
    update wechat.inbound_message m
    set openid = pseudonym,
        dedupe_key = 'forgotten:' || m.id, slot = case when m.slot = '' then '' else 'forgotten:' || m.id end,
        -- Menu keys and scenes are the account's own; others, such as the address behind a menu entry, may tell of the user.
        event_key = case when m.event in ('click', 'scan', 'subscribe') then m.event_key end,
        content = null, payload = jsonb_build_object('MsgType', m.msg_type),
        error = null, request_id = null,
        window_ends_at = null, window_quota = null,
        forgotten_at = now()
    from unnest(locked) as one (id) where m.id = one.id;
    get diagnostics messages = row_count;

    update wechat.delivery d
    set openid = pseudonym, payload = jsonb_build_object('msgtype', d.msg_type), errmsg = null
    from unnest(locked) as one (id) where d.message_id = one.id;
    get diagnostics deliveries = row_count;

    -- errcode says what WeChat said; its text may quote whom it was about.
    update wechat.delivery_attempt a set errmsg = null
    from unnest(locked) as one (id) join wechat.delivery d on d.message_id = one.id
    where a.delivery_id = d.id and a.errmsg is not null;

    delete from wechat.inbound_media i where i.message_id = any(locked);
    perform wechat.forget_handover(of_app_id, of_openid, pseudonym);
    perform wechat.forget_model(of_app_id, of_openid, pseudonym);
    perform wechat.forget_turns(of_app_id, of_openid, pseudonym);
    perform wechat.forget_replies(of_app_id, of_openid, pseudonym);
    perform wechat.forget_traces(of_app_id, pseudonym);
    perform wechat.forget_limits(of_app_id, of_openid);
  end if;

  perform wechat.close_lanes(free, closing);
  if cardinality(known) > 0 then
    perform wechat.record_action('forget', of_app_id,
      jsonb_build_object('messages', messages, 'deliveries', deliveries, 'given_up', given_up, 'in_hand', in_hand),
      messages);
  end if;
  return next;
end
$$;
comment on function wechat.forget is
  'Removes a user''s openid (a random pseudonym takes its place), and all that they wrote and were sent, for good; rows, types, times, states and codes stay, so that every count does. What waits is given up first. Of how many messages and deliveries; in_hand: so many messages a worker has in hand just now, and nothing was forgotten yet: call it again in a moment';

-- What tells of a user who is there: a message, and the events that open a reply window. Others may tell of one who is gone (a
-- template message that was not delivered). By the platform's clock, too: pushes may be late.
create function wechat.came_back(of_app_id text, of_openid text, left_id bigint, left_at timestamptz) returns boolean
language sql stable as $$
  select exists (
    select from wechat.inbound_message m
    where m.app_id = of_app_id and m.openid = of_openid and (
      ((m.id > left_id or m.created_at > left_at)
        and (m.msg_type <> 'event' or m.event in ('subscribe', 'scan', 'click', 'scancode_push', 'scancode_waitmsg')))
      or (m.id > left_id and m.event = 'unsubscribe')))
$$;
comment on function wechat.came_back is
  'Whether a user did something after the unsubscribe event of this id and time, be it to leave once more';

-- Who comes back while they are being forgotten is seen afterwards, when their lane is locked, and then nothing is done.
create function wechat.forget_unsubscribed(message_id bigint) returns text
language plpgsql security definer set search_path = '' as $$
declare
  departure wechat.inbound_message;
  busy integer;
  -- Not as a setting of the function: only a superuser may give it one of a name that Postgres does not know.
  actor text := coalesce(current_setting('wechat.operator', true), '');
begin
  select * into departure from wechat.inbound_message m
  where m.id = message_id and m.event = 'unsubscribe' and m.forgotten_at is null;
  if not found then
    return 'gone';
  end if;
  -- An account that is held for a move is so for a moment, too.
  if exists (select from wechat.account_move m where m.app_id = departure.app_id and m.holds) then
    return 'in_hand';
  end if;
  perform set_config('wechat.operator', 'system', true);
  select f.in_hand into busy from wechat.forget(departure.app_id, departure.openid) f;
  perform set_config('wechat.operator', actor, true);
  if busy > 0 then
    return 'in_hand';
  end if;
  if wechat.came_back(
    departure.app_id, (select m.openid from wechat.inbound_message m where m.id = message_id), message_id,
    departure.created_at)
  then
    raise exception 'came back' using errcode = 'WX001';
  end if;
  return 'forgotten';
exception
  when sqlstate 'WX001' then
    return 'came_back';
end
$$;
comment on function wechat.forget_unsubscribed is
  'wechat.forget of the user who left by this event: forgotten, came_back (nothing was done), in_hand (try again in a moment), or gone (forgotten before)';

-- Rights.

-- These run with the rights of their owner: for nobody but operators.
revoke execute on function
  wechat.record_action(text, text, jsonb, integer),
  wechat.requeue_many(bigint[], boolean), wechat.requeue_messages(bigint[], boolean),
  wechat.cancel_many(bigint[]), wechat.cancel_message(bigint), wechat.send(text, text, jsonb, boolean),
  wechat.pause(text, text), wechat.resume(text), wechat.forget(text, text), wechat.forget_unsubscribed(bigint)
from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'wechat_operator') then
    return;
  end if;
  grant usage on schema wechat to wechat_operator;
  grant select on wechat.inbound_message, wechat.delivery, wechat.delivery_attempt, wechat.lane, wechat.account_pause,
    wechat.worker_process, wechat.media_upload, wechat.operator_action, wechat.schema_migration,
    wechat.schema_migration_breaking, wechat.schema_migration_text to wechat_operator;
  -- Everything but the secret itself.
  grant select (app_id, kind, expires_at, version, refreshed_at, forced_at, forced_that_day)
    on wechat.credential to wechat_operator;
  grant execute on function
    wechat.requeue_many(bigint[], boolean), wechat.requeue_messages(bigint[], boolean),
    wechat.cancel_many(bigint[]), wechat.cancel_message(bigint), wechat.send(text, text, jsonb, boolean),
    wechat.pause(text, text), wechat.resume(text), wechat.forget(text, text)
  to wechat_operator;
exception
  -- Another database of this server granting at the same moment cannot collide; only rights may be missing.
  when insufficient_privilege then
    raise notice 'wechat_operator was granted nothing: %', sqlerrm;
end
$$;
