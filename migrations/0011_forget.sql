-- Forgetting a user: the person goes, the counts stay.

alter table wechat.inbound_message add column forgotten_at timestamptz;
comment on column wechat.inbound_message.forgotten_at is
  'When its user was forgotten (wechat.forget): openid is a pseudonym since, and content and payload are gone; null otherwise';

-- All of the user's messages or none: whoever is forgotten in two goes would have two pseudonyms and count twice. So while
-- a worker has one in hand, only what waits is given up, lest the next is in hand when that one is done.
--
-- Rows are locked as operators do, waiting for nobody. What arrives after the first statement is another message of the
-- user, under their openid, and is not touched.
create function wechat.forget(of_app_id text, of_openid text)
returns table (messages integer, deliveries integer, given_up integer, in_hand integer)
language plpgsql security definer set search_path = '' as $$
declare
  known bigint[] := array(
    select m.id from wechat.inbound_message m
    where m.app_id = of_app_id and m.openid = of_openid and m.forgotten_at is null);
  held bigint[] := wechat.hold_messages(known);
  waiting bigint[] := array(
    select m.id from unnest(held) as one (id) join wechat.inbound_message m using (id) where m.settled_at is null);
  pseudonym text := 'forgotten-' || gen_random_uuid();
begin
  messages := 0;
  deliveries := 0;
  given_up := cardinality(waiting);
  -- Those that were deleted meanwhile are in nobody's hand.
  select count(*) into in_hand
  from (select unnest(known) except select unnest(held)) as other (id) join wechat.inbound_message m using (id);

  if given_up > 0 then
    perform wechat.cancel_many(array(
      select d.id from wechat.delivery d where d.message_id = any(waiting) and d.status in ('pending', 'sending')));
    -- Also those whose replies were not planned yet, or were all sent by a worker that died before it said so.
    update wechat.inbound_message m set status = 'settled', settled_at = now()
    where m.id = any(waiting) and m.settled_at is null;
  end if;

  if in_hand = 0 then
    update wechat.inbound_message m
    set openid = pseudonym,
        dedupe_key = 'forgotten:' || m.id,
        -- Menu keys and scenes are the account's own; others, such as the address behind a menu entry, may tell of the user.
        event_key = case when m.event in ('click', 'scan', 'subscribe') then m.event_key end,
        content = null, payload = jsonb_build_object('MsgType', m.msg_type),
        error = null, request_id = null,
        window_ends_at = null, window_quota = null,
        forgotten_at = now()
    from unnest(held) as one (id) where m.id = one.id;
    get diagnostics messages = row_count;

    -- errcode says what WeChat said; its text may quote whom it was about.
    update wechat.delivery_attempt a set errmsg = null
    from unnest(held) as one (id) join wechat.delivery d on d.message_id = one.id
    where a.delivery_id = d.id and a.errmsg is not null;

    update wechat.delivery d
    set openid = pseudonym, payload = jsonb_build_object('msgtype', d.msg_type), errmsg = null
    from unnest(held) as one (id) where d.message_id = one.id;
    get diagnostics deliveries = row_count;
  end if;

  if cardinality(known) > 0 then
    -- What arrived meanwhile may have found one of these before it, and waits without a job.
    perform wechat.wake_conversations(array(
      select m.id from wechat.inbound_message m
      where m.app_id = of_app_id and m.openid = of_openid and m.settled_at is null limit 1));
    perform wechat.record_action('forget', of_app_id,
      jsonb_build_object('messages', messages, 'deliveries', deliveries, 'given_up', given_up, 'in_hand', in_hand),
      messages);
  end if;
  return next;
end
$$;
comment on function wechat.forget is
  'Removes a user''s openid (a random pseudonym takes its place), and all that they wrote and were sent, for good; rows, types, times, states and codes stay, so that every count does. What waits is given up first. Of how many messages and deliveries; in_hand: so many messages a worker has in hand just now, and nothing was forgotten yet: call it again in a moment';

-- What may happen to a forgotten user's messages: nothing. The verdicts are those of 0009 and one more.
create or replace function wechat.requeue_verdict(delivery_ids bigint[])
returns table (
  delivery_id bigint, message_id bigint, app_id text, openid text, status text, errcode integer,
  window_ends_at timestamptz, verdict text)
language sql stable as $$
  select asked.id, d.message_id, d.app_id, d.openid, d.status, d.errcode, reach.window_ends_at,
    case
      when d.id is null then 'not_found'
      when d.status = 'sent' then 'sent'
      when d.status in ('pending', 'sending') then 'waiting'
      when m.forgotten_at is not null then 'forgotten'
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
  'What requeue would say of these deliveries, changing nothing: ready, not_found, sent, waiting (it is on its way), forgotten (nobody knows any more who it was for), in_hand (a worker has its message now: try again in a moment) or window_closed (WeChat would refuse it; force tries all the same)';

create or replace function wechat.requeue_message_verdict(message_ids bigint[])
returns table (message_id bigint, verdict text)
language sql stable as $$
  select asked.id,
    case
      when m.id is null then 'not_found'
      when m.status <> 'failed' or exists (select from wechat.delivery d where d.message_id = m.id) then 'not_failed'
      when m.forgotten_at is not null then 'forgotten'
      when wechat.window_of(m.app_id, m.openid) > now() then 'ready'
      else 'window_closed'
    end
  from (select distinct id from unnest(message_ids) as listed (id)) asked
  left join wechat.inbound_message m on m.id = asked.id
  order by asked.id
$$;
comment on function wechat.requeue_message_verdict is
  'What requeue_messages would say, changing nothing: ready, not_found, not_failed (its reply logic has not failed for good), forgotten (nobody knows any more who wrote it) or window_closed (force tries all the same)';

create or replace function wechat.send(of_app_id text, of_openid text, payload jsonb, force boolean default false)
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

revoke execute on function wechat.forget(text, text) from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant execute on function wechat.forget(text, text) to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator was not granted wechat.forget: %', sqlerrm;
end
$$;
