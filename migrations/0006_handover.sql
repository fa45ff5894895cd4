-- Takeover: a person answers in a conversation, and the reply logic is silent for as long. How it is told to who works just
-- then is drawn in docs/states.md.
--
-- A row of `handover` is all there is to it: whoever looks at a lane looks for it, by its key, in a table that is empty as a rule.
--
-- Lanes are locked first, as everywhere, but here they are waited for: a statement has them for moments, and an agent wants
-- an answer, not "try again". All lanes of one conversation, in their order, and nothing else is held before them; so nobody can
-- deadlock. Call them for one conversation in a transaction, and commit at once.

create table wechat.handover (
  app_id         text not null,
  openid         text not null,
  agent          text,
  reason         text,
  requested_at   timestamptz not null default now(),
  taken_at       timestamptz,
  last_word_at   timestamptz not null default now(),
  returns_after  interval check (returns_after > interval '0'),
  pending        text not null default 'send' check (pending in ('cancel', 'send')),
  external       text,
  read_up_to     bigint not null default 0,
  primary key (app_id, openid),
  check ((agent is null) = (taken_at is null))
) with (fillfactor = 50);

comment on table wechat.handover is
  'One row for each conversation in which the reply logic is silent now: a person has taken it, or is asked for';
comment on column wechat.handover.app_id is 'The account';
comment on column wechat.handover.openid is 'The user';
comment on column wechat.handover.agent is 'The person who has it; null: it waits for one, or external has it';
comment on column wechat.handover.reason is 'Why a person was asked for; null where nobody asked';
comment on column wechat.handover.requested_at is 'Since when the reply logic is silent: a person was asked for then, or took it unasked';
comment on column wechat.handover.taken_at is 'Since when agent has it; null where nobody has';
comment on column wechat.handover.last_word_at is 'When the agent took it or last said something; of external, when WeChat last told of it';
comment on column wechat.handover.returns_after is
  'It is handed back by itself so long after the agent''s last word; null: after HANDOVER_IDLE_MINUTES';
comment on column wechat.handover.pending is
  'What became of replies of the reply logic that were not sent yet when it was taken: cancel or send';
comment on column wechat.handover.external is
  'Tencent''s own customer service answers the user: its account (KfAccount), until WeChat tells of the end; null otherwise';
comment on column wechat.handover.read_up_to is 'Messages of the user up to this id (inbound_message.id) have been seen by an agent';

create table wechat.handover_history (
  id            bigint generated always as identity primary key,
  app_id        text not null,
  openid        text not null,
  agent         text,
  external      text,
  reason        text,
  requested_at  timestamptz not null,
  taken_at      timestamptz,
  ended_at      timestamptz not null default now(),
  ended_by      text not null check (ended_by in ('agent', 'colleague', 'operator', 'idle', 'user', 'external', 'forget'))
);
create index handover_history_conversation on wechat.handover_history (app_id, openid, id);
create index handover_history_ended_at on wechat.handover_history using brin (ended_at) with (autosummarize = on);

comment on table wechat.handover_history is
  'One row for each time that a person had a conversation, or was waited for in vain, written when it ended';
comment on column wechat.handover_history.id is 'Identity, in the order of the ends';
comment on column wechat.handover_history.app_id is 'The account';
comment on column wechat.handover_history.openid is 'The user; a pseudonym once they are forgotten';
comment on column wechat.handover_history.agent is 'The person who had it; null: nobody came, or external had it';
comment on column wechat.handover_history.external is 'The account of Tencent''s own customer service that had it, or got it then; null otherwise';
comment on column wechat.handover_history.reason is 'Why a person was asked for; null where nobody asked';
comment on column wechat.handover_history.requested_at is 'Since when the reply logic was silent';
comment on column wechat.handover_history.taken_at is 'Since when agent had it: taken_at - requested_at is what the user waited; null where nobody had';
comment on column wechat.handover_history.ended_at is 'When it ended';
comment on column wechat.handover_history.ended_by is
  'agent (handed back), colleague (took it), operator (handed it back for somebody else), idle (nothing was said for long, or nobody came), user (by HANDBACK_WORD), external (given to Tencent''s customer service, or ended there) or forget';

create table wechat.saved_answer (
  id          bigint generated always as identity primary key,
  app_id      text,
  title       text not null check (title <> ''),
  text        text not null check (text <> ''),
  updated_at  timestamptz not null default now(),
  updated_by  text not null
);
create unique index saved_answer_title on wechat.saved_answer (coalesce(app_id, ''), title);

comment on table wechat.saved_answer is 'Texts that agents keep at hand';
comment on column wechat.saved_answer.id is 'Identity';
comment on column wechat.saved_answer.app_id is 'The account that it is for; null: for all';
comment on column wechat.saved_answer.title is 'What it is found by; once for each account';
comment on column wechat.saved_answer.text is 'What is sent';
comment on column wechat.saved_answer.updated_at is 'When it was written, or last changed';
comment on column wechat.saved_answer.updated_by is 'By whom';

create table wechat.agent_send_key (
  app_id       text not null,
  openid       text not null,
  key          text not null,
  delivery_id  bigint not null,
  sent_at      timestamptz not null default now(),
  primary key (app_id, openid, key)
);

comment on table wechat.agent_send_key is 'By which a request of an agent that comes twice sends once; kept for a day';
comment on column wechat.agent_send_key.app_id is 'The account';
comment on column wechat.agent_send_key.openid is 'The user';
comment on column wechat.agent_send_key.key is 'What the agent''s page calls the request';
comment on column wechat.agent_send_key.delivery_id is 'What was made of it (delivery.id)';
comment on column wechat.agent_send_key.sent_at is 'When it came first';

-- Locks.

-- Without a lane that is locked, a message could come, be looked at and be answered before a takeover is committed. Where the
-- account keeps no order, each new message has a lane of its own, which nobody can lock before it is there: what comes in that
-- moment counts as from before.
create function wechat.lock_conversation(of_app_id text, of_openid text, adding boolean) returns bigint
language plpgsql as $$
declare
  made bigint;
begin
  loop
    if adding then
      insert into wechat.lane (app_id, openid, slot, arrivals, waiting, done_id)
      values (of_app_id, of_openid, '', 1, 1, nextval('wechat.inbound_message_id_seq'))
      on conflict do nothing
      returning id into made;
    end if;
    perform from wechat.lane l
    where l.app_id = of_app_id and l.openid = of_openid
    order by l.slot for update;
    -- The one that was in the way may have gone before it could be locked.
    exit when not adding or exists (
      select from wechat.lane l where l.app_id = of_app_id and l.openid = of_openid and l.slot = '');
  end loop;
  return made;
end
$$;
comment on function wechat.lock_conversation is
  'Locks the lanes of a conversation until the end of the transaction, waiting for who has them; adding: makes the one that is missing, returns it, and the caller drops it';

-- A worker may have a message in hand just now. What it has begun to send can be called back by nobody; all else it learns when it
-- asks for leave: no reply is planned in a lane that is hushed, and no attempt begun for one (src/outbox/plan.ts, begin.ts).
create function wechat.hush(of_app_id text, of_openid text) returns integer
language plpgsql as $$
declare
  free bigint[];
  cancelled bigint[];
  closed bigint[];
begin
  update wechat.lane l set hushed = true where l.app_id = of_app_id and l.openid = of_openid and not l.hushed;
  free := array(select l.id from wechat.lane l where l.app_id = of_app_id and l.openid = of_openid and l.claim is null);
  cancelled := wechat.give_up(array(
    select d.id
    from wechat.lane l
    join wechat.inbound_message m on (m.app_id, m.openid, m.slot) = (l.app_id, l.openid, l.slot)
    join wechat.delivery d on d.message_id = m.id
    where l.app_id = of_app_id and l.openid = of_openid and m.id > l.done_id and m.settled_at is null
      and d.origin = 'reply' and (d.status = 'pending' or (d.status = 'sending' and l.claim is null))),
    because => 'cancelled: an agent took over');
  with closed as (
    update wechat.inbound_message m
    set status = 'settled', settled_at = now()
    from wechat.lane l
    where l.id = any(free) and (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
      and m.id in (select d.message_id from wechat.delivery d where d.id = any(cancelled))
      and m.settled_at is null and not exists (
        select from wechat.delivery d where d.message_id = m.id and d.status in ('pending', 'sending'))
    returning m.id
  )
  select array(select id from closed) into closed;
  perform wechat.close_lanes(free, closed, cancelled);
  return cardinality(cancelled);
end
$$;
comment on function wechat.hush is
  'Gives up what the reply logic has said in a conversation and was not sent yet, and returns of how many deliveries; its lanes are locked by the caller';

-- Whoever held it gets a row in the history; then it is somebody else's, or nobody's.
create function wechat.note_handover(h wechat.handover, because text, to_external text default null) returns void
language sql as $$
  insert into wechat.handover_history (app_id, openid, agent, external, reason, requested_at, taken_at, ended_by)
  values (h.app_id, h.openid, h.agent, coalesce(to_external, h.external), h.reason, h.requested_at, h.taken_at, because)
$$;
comment on function wechat.note_handover is 'Adds a row to handover_history';

create function wechat.latest_message(of_app_id text, of_openid text) returns bigint
language sql stable as $$
  select max(m.id) from wechat.inbound_message m
  where m.app_id = of_app_id and m.openid = of_openid and m.forgotten_at is null
$$;
comment on function wechat.latest_message is 'The last that a user wrote or did (inbound_message.id); null when they never did, or are forgotten';

create function wechat.first_merged(message_id bigint) returns bigint
language sql stable as $$
  select coalesce(
    (select min(m.id) from wechat.inbound_message m where m.merged_into = message_id), message_id)
$$;
comment on function wechat.first_merged is
  'The first of the messages that are answered with this one (inbound_message.merged_into); itself where there is none';

-- The lanes are locked by the caller. The rows of messages stay as they are: what an agent has seen, the reply logic need not answer.
create function wechat.end_handover(of_app_id text, of_openid text, because text) returns void
language plpgsql as $$
declare
  ended wechat.handover;
begin
  delete from wechat.handover h where h.app_id = of_app_id and h.openid = of_openid returning * into ended;
  if found then
    perform wechat.note_handover(ended, because);
  end if;
  update wechat.lane l set hushed = false where l.app_id = of_app_id and l.openid = of_openid and l.hushed;
end
$$;
comment on function wechat.end_handover is 'Lets the reply logic speak again in a conversation, whose lanes are locked by the caller';

-- Agents and operators.

create function wechat.take_over(
  of_app_id text, of_openid text, of_agent text, pending text default 'cancel', steal boolean default false,
  returns_after interval default null)
returns table (result text, held_by text, since timestamptz)
language plpgsql security definer set search_path = '' as $$
declare
  latest bigint;
  made bigint;
  held wechat.handover;
  cancelled integer := 0;
begin
  if coalesce(of_agent, '') = '' or coalesce(take_over.pending, '') not in ('cancel', 'send') then
    raise exception 'say who takes over, and whether pending replies are to be "cancel" or "send"'
      using errcode = 'invalid_parameter_value';
  end if;
  if wechat.latest_message(of_app_id, of_openid) is null then
    return query select 'no_conversation', null::text, null::timestamptz;
    return;
  end if;
  made := wechat.lock_conversation(of_app_id, of_openid, adding => true);
  select * into held from wechat.handover h where h.app_id = of_app_id and h.openid = of_openid for update;
  latest := wechat.latest_message(of_app_id, of_openid);

  if not steal and (held.external is not null or (held.agent <> of_agent) is true) then
    delete from wechat.lane l where l.id = made;
    return query select 'held', coalesce(held.external, held.agent), coalesce(held.taken_at, held.requested_at);
    return;
  end if;

  if held.agent <> of_agent or held.external is not null then
    perform wechat.note_handover(held, 'colleague');
  end if;
  insert into wechat.handover as h (app_id, openid, agent, taken_at, returns_after, pending, read_up_to)
  values (of_app_id, of_openid, of_agent, now(), take_over.returns_after, take_over.pending, coalesce(latest, 0))
  on conflict (app_id, openid) do update
  set agent = of_agent, external = null, last_word_at = now(),
      taken_at = case when h.agent = of_agent then h.taken_at else now() end,
      returns_after = excluded.returns_after, pending = excluded.pending,
      read_up_to = greatest(h.read_up_to, excluded.read_up_to)
  returning h.taken_at into held.taken_at;

  if take_over.pending = 'cancel' then
    cancelled := wechat.hush(of_app_id, of_openid);
  end if;
  delete from wechat.lane l where l.id = made;
  perform wechat.record_action('takeover', of_app_id,
    jsonb_build_object('message', latest, 'agent', of_agent, 'from', held.agent, 'pending', take_over.pending, 'cancelled', cancelled), 1);
  return query select 'taken', of_agent, held.taken_at;
end
$$;
comment on function wechat.take_over is
  'From now on this agent answers the user, and the reply logic is silent: taken, held (by somebody else, since when; steal takes it all the same) or no_conversation (the user never wrote). pending: whether replies that are not sent yet are to be "cancel" or "send". returns_after: handed back by itself so long after the agent''s last word; null: after HANDOVER_IDLE_MINUTES';

-- Nothing is hushed, so no lane need be locked: what was said before the call is sent.
create function wechat.request_person(of_app_id text, of_openid text, because text) returns boolean
language plpgsql as $$
begin
  insert into wechat.handover (app_id, openid, reason, read_up_to)
  select of_app_id, of_openid, because, wechat.first_merged(latest.id) - 1
  from wechat.latest_message(of_app_id, of_openid) latest (id)
  where latest.id is not null
  on conflict do nothing;
  return found;
end
$$;
comment on function wechat.request_person is
  'Notes that a conversation waits for a person; false where it does already, or somebody has it';

create function wechat.ask_for_person(of_app_id text, of_openid text, reason text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  latest bigint := wechat.latest_message(of_app_id, of_openid);
  made bigint;
  result text;
begin
  if coalesce(ask_for_person.reason, '') = '' then
    raise exception 'say why a person is asked for' using errcode = 'invalid_parameter_value';
  end if;
  if latest is null then
    return 'no_conversation';
  end if;
  made := wechat.lock_conversation(of_app_id, of_openid, adding => true);
  if wechat.request_person(of_app_id, of_openid, ask_for_person.reason) then
    result := 'waiting';
    perform wechat.record_action(
      'ask_for_person', of_app_id, jsonb_build_object('message', latest), 1);
  else
    result := case when exists (
      select from wechat.handover h
      where h.app_id = of_app_id and h.openid = of_openid and h.agent is null and h.external is null)
    then 'waiting' else 'held' end;
  end if;
  delete from wechat.lane l where l.id = made;
  return result;
end
$$;
comment on function wechat.ask_for_person is
  'From now on the conversation waits for a person, and the reply logic is silent: waiting, held (somebody has it) or no_conversation';

-- The lanes come first, as everywhere, and stay locked until the end of the transaction.
create function wechat.hold_handover(
  of_app_id text, of_openid text, of_agent text, force boolean, out verdict text, out held wechat.handover)
language plpgsql as $$
begin
  perform wechat.lock_conversation(of_app_id, of_openid, adding => false);
  select * into held from wechat.handover h where h.app_id = of_app_id and h.openid = of_openid for update;
  verdict := case
    when not found then 'not_taken'
    when held.agent <> of_agent and not force then 'not_yours'
    else 'ready'
  end;
end
$$;
comment on function wechat.hold_handover is
  'Locks a conversation to end its handover or give it to others: ready, not_yours (somebody else has it, and force is not said) or not_taken, and the row as it is';

create function wechat.hand_back(of_app_id text, of_openid text, of_agent text, force boolean default false) returns text
language plpgsql security definer set search_path = '' as $$
declare
  hold record := wechat.hold_handover(of_app_id, of_openid, of_agent, force);
  held wechat.handover := hold.held;
begin
  if hold.verdict <> 'ready' then
    return hold.verdict;
  end if;
  -- Its agents would speak on, and the reply logic between them.
  if held.external is not null and not force then
    return 'not_yours';
  end if;
  perform wechat.end_handover(
    of_app_id, of_openid,
    case when held.external is not null or held.agent <> of_agent then 'operator' else 'agent' end);
  perform wechat.record_action('hand_back', of_app_id,
    jsonb_build_object(
      'message', wechat.latest_message(of_app_id, of_openid), 'agent', held.agent, 'force', force), 1);
  return 'returned';
end
$$;
comment on function wechat.hand_back is
  'Lets the reply logic answer again, from the next message on: returned, not_yours (somebody else has it, or Tencent''s own customer service; force hands it back all the same) or not_taken. One that waits for a person is anybody''s to hand back';

create function wechat.transfer(of_app_id text, of_openid text, of_agent text, kf_account text, force boolean default false)
returns text
language plpgsql security definer set search_path = '' as $$
declare
  hold record := wechat.hold_handover(of_app_id, of_openid, of_agent, force);
  held wechat.handover := hold.held;
begin
  if hold.verdict <> 'ready' then
    return hold.verdict;
  end if;
  perform wechat.note_handover(held, 'external', kf_account);
  update wechat.handover h
  set agent = null, taken_at = null, external = kf_account, last_word_at = now()
  where h.app_id = of_app_id and h.openid = of_openid;
  perform wechat.record_action('hand_back', of_app_id,
    jsonb_build_object(
      'message', wechat.latest_message(of_app_id, of_openid), 'agent', held.agent, 'force', force, 'external', kf_account), 1);
  return 'transferred';
end
$$;
comment on function wechat.transfer is
  'Notes that WeChat has given a conversation to Tencent''s own customer service (kfsession/create): transferred, not_yours or not_taken. The reply logic is silent until WeChat tells that the session ended';

-- By the window that leaves most: WeChat counts for each, and no page says how they add up. Back from the latest message, and no
-- further than a window may be open: whoever wrote twenty thousand messages costs no more than anybody.
create function wechat.allowance_of(of_app_id text, of_openid text)
returns table (ends_at timestamptz, quota integer, used integer)
language plpgsql stable as $$
declare
  one record;
  windows integer := 0;
  sent integer := 0;
begin
  for one in
    select m.window_ends_at, m.window_quota, m.created_at, (
      select count(*) from wechat.delivery d
      where d.message_id = m.id and d.status in ('pending', 'sending', 'sent', 'unknown')) as messages
    from wechat.inbound_message m
    where m.app_id = of_app_id and m.openid = of_openid
    order by m.id desc limit 1000
  loop
    exit when windows = 20 or one.created_at < now() - interval '7 days';
    -- What was sent on a later message counts in the windows before it, too.
    sent := sent + one.messages;
    if one.window_ends_at > now() then
      windows := windows + 1;
      if windows = 1 or quota is not null
        and (one.window_quota is null or (one.window_quota - sent, one.window_ends_at) > (quota - used, ends_at))
      then
        ends_at := one.window_ends_at;
        quota := one.window_quota;
        used := sent;
      end if;
    end if;
  end loop;
  if windows > 0 then
    return next;
  end if;
end
$$;
comment on function wechat.allowance_of is
  'How many messages WeChat lets this user be sent, and how many of them are used, by the open window that leaves most; no row when none is open';

-- Like wechat.send: behind what is on its way, as one more delivery of the latest message. A message whose lane is free and that
-- has no deliveries yet is answered by this one, for the reply logic will not run for it.
create function wechat.agent_send(of_app_id text, of_openid text, of_agent text, payload jsonb, key text)
returns table (delivery_id bigint, result text)
language plpgsql security definer set search_path = '' as $$
declare
  latest bigint := wechat.latest_message(of_app_id, of_openid);
  lanes record;
  message wechat.inbound_message;
  is_planned boolean;
  verdict text := 'ready';
  added bigint;
begin
  if jsonb_typeof(payload) <> 'object' or not coalesce(payload ? (payload ->> 'msgtype'), false) then
    raise exception 'the payload must be a message of the customer-service API without touser, such as {"msgtype": "text", "text": {"content": "…"}}'
      using errcode = 'invalid_parameter_value';
  elsif coalesce(key, '') = '' then
    raise exception 'the request must have a key' using errcode = 'invalid_parameter_value';
  end if;
  select * into lanes from wechat.hold_lanes(array[latest], adding => true, only_free => true);

  select k.delivery_id into added from wechat.agent_send_key k
  where k.app_id = of_app_id and k.openid = of_openid and k.key = agent_send.key;
  if added is null then
    verdict := wechat.agent_send_verdict(of_app_id, of_openid, of_agent);
    select m.* into message
    from wechat.inbound_message m
    where m.id = latest and verdict = 'ready' and cardinality(lanes.held) > 0 and m.forgotten_at is null
      and latest = wechat.latest_message(of_app_id, of_openid)
    for update of m skip locked;
  end if;
  if message.id is null then
    perform wechat.reopen_lanes('{}', '{}', lanes.made, at_once => false);
    return query select added,
      case when added is not null then 'queued' when verdict = 'ready' then 'busy' else verdict end;
    return;
  end if;
  is_planned := exists (select from wechat.delivery d where d.message_id = latest);

  insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, origin, agent)
  select latest, coalesce(max(d.position), 0) + 1, of_app_id, of_openid, agent_send.payload ->> 'msgtype', agent_send.payload,
    'agent', of_agent
  from wechat.delivery d where d.message_id = latest
  returning id into added;
  insert into wechat.agent_send_key (app_id, openid, key, delivery_id) values (of_app_id, of_openid, agent_send.key, added);
  update wechat.inbound_message m
  set status = 'received', settled_at = null,
      for_agent = m.for_agent or (message.settled_at is null and not is_planned)
  where m.id = latest;
  perform wechat.reopen_lanes(
    array[latest], case when message.settled_at is not null then array[latest] else '{}' end, lanes.made,
    at_once => message.settled_at is not null or not is_planned);
  update wechat.handover h set last_word_at = now() where h.app_id = of_app_id and h.openid = of_openid;
  perform wechat.record_action('agent_send', of_app_id,
    jsonb_build_object('delivery', added, 'msgtype', payload ->> 'msgtype', 'agent', of_agent), 1);
  return query select added, 'queued';
end
$$;
comment on function wechat.agent_send is
  'Sends a message of the agent who has the conversation, behind what is on its way; the same key sends once: queued, not_yours, window_closed, allowance_used (WeChat would refuse it until the user writes again) or busy (something is being sent to them right now: try again in a moment)';

create function wechat.agent_send_verdict(of_app_id text, of_openid text, of_agent text) returns text
language sql stable as $$
  select case
    when not exists (
      select from wechat.handover h
      where h.app_id = of_app_id and h.openid = of_openid and h.agent = of_agent and h.external is null) then 'not_yours'
    when coalesce(wechat.window_of(of_app_id, of_openid) <= now(), true) then 'window_closed'
    when exists (select from wechat.allowance_of(of_app_id, of_openid) a where a.used >= a.quota) then 'allowance_used'
    else 'ready'
  end
$$;
comment on function wechat.agent_send_verdict is
  'What agent_send would say, changing nothing: ready, not_yours, window_closed or allowance_used';

-- Workers.

create function wechat.returns_at(h wechat.handover, idle interval) returns timestamptz
language sql stable as $$
  select case
    -- WeChat ends a session after half an hour of silence; this is for an end that was never told.
    when h.external is not null then h.last_word_at + interval '24 hours'
    -- Nobody came while there was a window.
    when h.agent is null then h.requested_at + interval '48 hours'
    else h.last_word_at + coalesce(h.returns_after, idle)
  end
$$;
comment on function wechat.returns_at is
  'When a conversation is handed back by itself; idle: HANDOVER_IDLE_MINUTES, null for never. Of one that waits for a person 48 hours after it was asked for';

create function wechat.return_idle(of_app_id text, of_openid text, idle interval) returns boolean
language plpgsql as $$
begin
  perform wechat.lock_conversation(of_app_id, of_openid, adding => false);
  if not exists (
    select from wechat.handover h
    where h.app_id = of_app_id and h.openid = of_openid and wechat.returns_at(h, idle) <= now())
  then
    return false;
  end if;
  perform wechat.end_handover(of_app_id, of_openid, 'idle');
  return true;
end
$$;
comment on function wechat.return_idle is 'Hands a conversation back in which nothing was said for so long; false where an agent has spoken meanwhile';

create function wechat.return_by_user(of_app_id text, of_openid text) returns boolean
language plpgsql as $$
declare
  was_taken boolean;
begin
  perform wechat.lock_conversation(of_app_id, of_openid, adding => false);
  was_taken := exists (select from wechat.handover h where h.app_id = of_app_id and h.openid = of_openid);
  perform wechat.end_handover(of_app_id, of_openid, 'user');
  return was_taken;
end
$$;
comment on function wechat.return_by_user is 'Hands a conversation back because the user said so; false where nobody had it';

-- An agent of ours keeps what Tencent's customer service gives back.
create function wechat.follow_session(of_app_id text, of_openid text, kf_account text) returns boolean
language plpgsql as $$
begin
  perform wechat.lock_conversation(of_app_id, of_openid, adding => false);
  if kf_account is not null then
    insert into wechat.handover (app_id, openid, external, read_up_to)
    values (of_app_id, of_openid, kf_account, coalesce(wechat.latest_message(of_app_id, of_openid), 0))
    on conflict (app_id, openid) do update set external = kf_account, last_word_at = now();
    return true;
  end if;
  update wechat.handover h set external = null, last_word_at = now()
  where h.app_id = of_app_id and h.openid = of_openid and h.agent is not null;
  if found then
    return true;
  end if;
  perform wechat.end_handover(of_app_id, of_openid, 'external');
  return false;
end
$$;
comment on function wechat.follow_session is
  'What WeChat tells of its own customer service: a session began, or went to another of its agents (kf_account), or ended (null). Whether anybody has the conversation now';

create function wechat.forget_handover(of_app_id text, of_openid text, pseudonym text) returns void
language plpgsql as $$
begin
  perform wechat.end_handover(of_app_id, of_openid, 'forget');
  -- Reasons are free text, and may tell of the user.
  update wechat.handover_history h set openid = pseudonym, reason = null
  where h.app_id = of_app_id and h.openid = of_openid;
  delete from wechat.agent_send_key k where k.app_id = of_app_id and k.openid = of_openid;
end
$$;
comment on function wechat.forget_handover is 'What wechat.forget does of a user''s takeovers';

-- Rights.

revoke execute on function
  wechat.take_over(text, text, text, text, boolean, interval), wechat.ask_for_person(text, text, text),
  wechat.hand_back(text, text, text, boolean), wechat.transfer(text, text, text, text, boolean),
  wechat.agent_send(text, text, text, jsonb, text)
from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.handover, wechat.handover_history, wechat.saved_answer to wechat_analyst;
  end if;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select on wechat.handover, wechat.handover_history, wechat.saved_answer, wechat.agent_send_key to wechat_operator;
    grant execute on function
      wechat.take_over(text, text, text, text, boolean, interval), wechat.ask_for_person(text, text, text),
      wechat.hand_back(text, text, text, boolean), wechat.transfer(text, text, text, text, boolean),
      wechat.agent_send(text, text, text, jsonb, text)
    to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator and wechat_analyst were not granted all of handover: %', sqlerrm;
end
$$;
