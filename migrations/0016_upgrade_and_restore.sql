-- What stands under the service may change: another version beside it, another server, an earlier state of the database.

-- Something is taken away in two steps: one version stops using it, a later one removes it. The version between works with
-- the database after the removal, although it does not know of it.
alter table wechat.schema_migration_breaking add column needs text;
comment on column wechat.schema_migration_breaking.needs is
  'The earlier migration from which on versions work with the database all the same: those that know this one do; null: only those that know the breaking one itself';

-- A server that was restored to a moment, or a standby that was promoted, goes on along a new timeline; a dump that was read in,
-- or a logical copy, on another server. What was committed behind the moment may be missing then, and nothing in the database
-- says so: but where it went on is written down by the first process that comes, before it writes anything else.
create table wechat.database_timeline (
  id                 integer generated always as identity primary key,
  system_identifier  text not null,
  timeline           integer not null,
  seen_at            timestamptz not null default clock_timestamp(),
  last_sign_at       timestamptz,
  last_message_id    bigint not null,
  last_delivery_id   bigint not null,
  unique (system_identifier, timeline)
);

comment on table wechat.database_timeline is
  'Each server and timeline that this database lived on: a second row says that it was restored or failed over, and from where it went on';
comment on column wechat.database_timeline.id is 'Identity, in the order in which they were seen';
comment on column wechat.database_timeline.system_identifier is 'Of the cluster, from its initdb; copies of its files share it';
comment on column wechat.database_timeline.timeline is 'Of PostgreSQL: grows with each restore and each promotion of a standby';
comment on column wechat.database_timeline.seen_at is 'When a process of the service first saw it';
comment on column wechat.database_timeline.last_sign_at is
  'The latest moment that the database knew of then: what was committed later is missing. Null in an empty one';
comment on column wechat.database_timeline.last_message_id is 'The last message that was there then; 0: none';
comment on column wechat.database_timeline.last_delivery_id is 'The last delivery that was there then; 0: none';

-- Where a server keeps these functions to itself, or has another way of its own, nothing is known.
create function wechat.server_line(out system_identifier text, out timeline integer)
language plpgsql as $$
begin
  system_identifier := (select c.system_identifier::text from pg_control_system() c);
  timeline := ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer;
exception
  when insufficient_privilege or undefined_function or feature_not_supported or object_not_in_prerequisite_state then
    null;
end
$$;
comment on function wechat.server_line is 'The server and timeline that the database lives on now; null where the server does not tell';

-- A worker gives a sign each two seconds; without one, what came in last is the sign.
create function wechat.last_signs(out last_sign_at timestamptz, out last_message_id bigint, out last_delivery_id bigint)
language sql stable as $$
  with message as (select id, received_at from wechat.inbound_message order by id desc limit 1),
  delivery as (select id, created_at from wechat.delivery order by id desc limit 1)
  select
    greatest(
      (select max(heartbeat_at) from wechat.worker_process), (select received_at from message),
      (select created_at from delivery)),
    coalesce((select id from message), 0), coalesce((select id from delivery), 0)
$$;
comment on function wechat.last_signs is 'The latest moment that the database knows of, and the last message and delivery';

-- What was lost had numbers too, and who knows them is still about: a worker that is to tell how delivery 500 ended, the log, an
-- export, graphile-worker with a job in hand. Were they given out again, it would be told of another user's delivery. How many were
-- lost nobody knows; a hundred million is more than a day of a thousand messages a second, and a bigint has room for it ninety
-- thousand million times. Ids of workers are integers, of which a restart takes one: for these a million is as much.
create function wechat.leap_numbers() returns void
language sql as $$
  select setval(
    format('%I.%I', s.schemaname, s.sequencename)::regclass,
    coalesce(s.last_value, s.start_value) + case s.data_type when 'bigint'::regtype then 100000000 else 1000000 end)
  from pg_sequences s
  where s.schemaname in ('wechat', 'graphile_worker')
    and (s.data_type = 'bigint'::regtype or s.sequencename = 'worker_process_id_seq')
$$;
comment on function wechat.leap_numbers is
  'Lets the ids of all tables go on well behind any that can have been given out since the moment to which the database was restored';

-- Called on every new connection: where the timeline is known, it locks and writes nothing. Where it is not, who comes second waits
-- for the commit of the first, and so draws no number from before the leap.
create function wechat.note_timeline(out noted wechat.database_timeline, out is_first boolean)
language plpgsql as $$
declare
  line record;
begin
  select * into line from wechat.server_line();
  if line.timeline is null or exists (
    select from wechat.database_timeline t
    where t.system_identifier = line.system_identifier and t.timeline = line.timeline)
  then
    return;
  end if;
  is_first := not exists (select from wechat.database_timeline);
  insert into wechat.database_timeline as t
    (system_identifier, timeline, last_sign_at, last_message_id, last_delivery_id)
  select line.system_identifier, line.timeline, signs.* from wechat.last_signs() signs
  on conflict do nothing
  returning t.* into noted;
  if found and not is_first then
    perform wechat.leap_numbers();
  end if;
end
$$;
comment on function wechat.note_timeline is
  'Writes down the timeline that the database lives on, where nobody has yet, and returns what it wrote; is_first: none was known before. On another timeline numbers leap';

-- Hold. For messages that may have been answered in a time that the database has lost. An operator's `cancel` says that nothing
-- is to be sent; this says that nobody knows whether it was.
create function wechat.hold_messages(message_ids bigint[], because text default 'held by an operator: it may have been sent')
returns table (message_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  lanes bigint[];
  freed bigint[];
  messages bigint[];
  lost bigint[];
begin
  lanes := (select h.held from wechat.hold_lanes(array(
    select m.id from wechat.inbound_message m where m.id = any(message_ids) and m.settled_at is null),
    adding => false, only_free => false) h);
  -- What the dead of before the restore held, nobody works on.
  lanes := array(
    select l.id from wechat.lane l
    where l.id = any(lanes) and (l.claim is null or not wechat.worker_lives(l.worker_id)));
  with freed as (
    update wechat.lane l set claim = null, worker_id = null, claimed_at = null, suspected_at = null
    where l.id = any(lanes) and l.claim is not null
    returning l.id
  )
  select array(select id from freed) into freed;

  messages := array(
    select m.id
    from wechat.inbound_message m
    join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot) and l.id = any(lanes)
    where m.id = any(message_ids) and m.settled_at is null);
  -- In the order of those who tell late how an attempt ended, for they hold no lane any more (src/outbox/end.ts).
  perform from wechat.delivery d
  where d.message_id = any(messages) and d.status in ('pending', 'sending')
  order by d.id for update;
  lost := array(
    select d.id from wechat.delivery d where d.message_id = any(messages) and d.status = 'sending');
  update wechat.delivery d
  set status = 'unknown', next_attempt_at = null, errmsg = because
  where d.message_id = any(messages) and d.status in ('pending', 'sending');
  insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, errmsg)
  select d.id, d.attempts, d.attempt_started_at, now(), 'unknown', because
  from wechat.delivery d where d.id = any(lost)
  on conflict do nothing;
  -- Without deliveries its reply logic has not run, as far as the database knows: requeue_messages runs it.
  update wechat.inbound_message m
  set status = case when planned.is_planned then 'settled' else 'failed' end, settled_at = now(),
      error = case when planned.is_planned then m.error else because end
  from (
    select listed.id, exists (select from wechat.delivery d where d.message_id = listed.id) as is_planned
    from unnest(messages) as listed (id)
  ) planned
  where m.id = planned.id;
  if cardinality(messages) > 0 then
    perform wechat.close_lanes(lanes, messages);
    perform wechat.record_action('hold',
      (select min(m.app_id) from wechat.inbound_message m where m.id = any(messages) having count(distinct m.app_id) = 1),
      jsonb_build_object('messages', to_jsonb(messages[:1000])), cardinality(messages));
  end if;
  -- The ring by which the dead had claimed a lane is used up: what is left of it gets another.
  perform wechat.ring_first(array_agg(l.id), array_agg(coalesce(l.urgent_until > now(), false)))
  from wechat.lane l where l.id = any(freed) having count(*) > 0;

  return query
    select asked.id,
      case
        when asked.id = any(messages) then 'held'
        when m.id is null then 'not_found'
        when m.settled_at is not null then 'final'
        else 'in_hand'
      end
    from (select distinct id from unnest(message_ids) as listed (id)) asked
    left join wechat.inbound_message m on m.id = asked.id
    order by asked.id;
end
$$;
comment on function wechat.hold_messages is
  'Keeps back what is still to be sent for these messages, because it may have been sent already: deliveries end as unknown, and a message without any fails; both can be requeued. Of each: held, not_found, final (it was settled before) or in_hand (a worker has its conversation now)';

comment on column wechat.operator_action.action is
  'requeue, requeue_message, cancel, cancel_message, hold, send, pause, resume, token_refresh, menu_push, move_account, forget, takeover, ask_for_person, hand_back, agent_send, saved_answer_add, saved_answer_change, saved_answer_drop, user_add, user_change, user_remove, user_sign_out or rules_change';

revoke execute on function wechat.hold_messages(bigint[], text), wechat.leap_numbers() from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.database_timeline to wechat_analyst;
  end if;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select on wechat.database_timeline to wechat_operator;
    grant execute on function wechat.hold_messages(bigint[], text) to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator and wechat_analyst were not granted database_timeline and hold_messages: %', sqlerrm;
end
$$;
