-- Answers that come later: a back end that was asked for replies by HTTP may say 202, and post them to a callback.

create table wechat.reply_callback (
  token_hash   bytea primary key check (octet_length(token_hash) = 32),
  app_id       text not null,
  openid       text not null,
  message_id   bigint not null,
  source       text not null,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null,
  awaited_at   timestamptz,
  answered_at  timestamptz,
  body_hash    bytea,
  answer       jsonb,
  closed_at    timestamptz,
  check ((answered_at is null) = (body_hash is null)),
  check ((answered_at is null) = (answer is null)),
  check (answered_at is null or closed_at is null)
) with (
  -- Most rows live for the time of one request.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);
create index reply_callback_message on wechat.reply_callback (message_id);
create index reply_callback_expires_at on wechat.reply_callback (expires_at);

comment on table wechat.reply_callback is
  'One row for each token with which a back end may post the replies to a message later; it goes when the back end answers at once, or an hour after it has expired';
comment on column wechat.reply_callback.token_hash is 'SHA-256 of the token, which stands in the request to the back end alone';
comment on column wechat.reply_callback.app_id is 'The account that the message was sent to';
comment on column wechat.reply_callback.openid is 'The user who sent it';
comment on column wechat.reply_callback.message_id is 'The message that is to be answered (inbound_message.id)';
comment on column wechat.reply_callback.source is 'The back end: its entry of REPLIES, without user, password and query';
comment on column wechat.reply_callback.created_at is 'When the back end was about to be asked';
comment on column wechat.reply_callback.expires_at is 'Until when the callback is good: the end of the reply window, or of REPLIES_CALLBACK_WAIT';
comment on column wechat.reply_callback.awaited_at is 'When the back end said that it answers later (202); null before, and where it said nothing of the kind';
comment on column wechat.reply_callback.answered_at is 'When the replies came; null before';
comment on column wechat.reply_callback.body_hash is 'SHA-256 of the body that brought them: the same once more is no other answer. Null before';
comment on column wechat.reply_callback.answer is 'The replies as they were posted; null before';
comment on column wechat.reply_callback.closed_at is 'When it was found to be over without an answer; null otherwise';

-- Whether a message still waits for its replies: it has none in the outbox, and nobody has closed it.
create function wechat.awaits_replies(of_message_id bigint) returns boolean
language sql as $$
  select exists (
      select from wechat.inbound_message m where m.id = of_message_id and m.settled_at is null)
    and not exists (select from wechat.delivery d where d.message_id = of_message_id)
$$;
comment on function wechat.awaits_replies is 'Whether a message is open and no reply to it is stored yet';

-- The lane is locked first, as everywhere; it is there as long as the message is open. Whoever holds it may be about to give it
-- back until the callback expires: its row is where that worker looks as it does so. A due_at behind claimed_at says that the
-- lane is to be looked at again at once (src/outbox/release.ts).
create function wechat.accept_reply(of_token_hash bytea, of_body_hash bytea, with_answer jsonb)
returns table (result text, message_id bigint, app_id text)
language plpgsql as $$
declare
  callback wechat.reply_callback;
  lane_id bigint;
  given bytea;
begin
  select * into callback from wechat.reply_callback c where c.token_hash = of_token_hash;
  if not found then
    return query select 'unknown', null::bigint, null::text;
    return;
  end if;
  select l.id into lane_id
  from wechat.inbound_message m join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
  where m.id = callback.message_id
  for update of l;
  -- All of the message: one that was asked for twice has two tokens, and one answer.
  perform from wechat.reply_callback c where c.message_id = callback.message_id order by c.token_hash for update;

  select c.body_hash into given
  from wechat.reply_callback c
  where c.message_id = callback.message_id and c.source = callback.source and c.answered_at is not null;
  select c.* into callback from wechat.reply_callback c where c.token_hash = of_token_hash;
  result := case
    -- It was answered at once while this waited for the lock.
    when callback.token_hash is null then 'unknown'
    when given = of_body_hash then 'repeated'
    when given is not null then 'conflict'
    when callback.closed_at is not null or callback.expires_at <= clock_timestamp()
      or lane_id is null or not wechat.awaits_replies(callback.message_id) then 'expired'
    when with_answer is null then 'open'
    else 'accepted'
  end;

  if result = 'accepted' then
    update wechat.reply_callback c set answered_at = now(), body_hash = of_body_hash, answer = with_answer
    where c.token_hash = of_token_hash;
    update wechat.lane l
    set due_at = case
      when l.claim is null then least(l.due_at, clock_timestamp())
      else greatest(clock_timestamp(), l.claimed_at + interval '1 microsecond')
    end
    where l.id = lane_id;
    perform wechat.ring(array[l.id], array[coalesce(l.urgent_until > now(), false)], array[l.due_at])
    from wechat.lane l where l.id = lane_id and l.claim is null;
  end if;
  return query select result, callback.message_id, callback.app_id;
end
$$;
comment on function wechat.accept_reply is
  'Stores the replies that a back end posted to its callback, and tells a worker of them. accepted; repeated: the same as before; conflict: others came before; expired: too late; unknown: no such token. Without an answer nothing is stored, and open says that one would be';

-- Asked by the holder of the lane, before it asks the back end again. Rows that a callback is just being stored in are waited for.
create function wechat.awaited_reply(of_message_id bigint, of_source text)
returns table (state text, answer jsonb, until timestamptz)
language plpgsql as $$
begin
  update wechat.reply_callback c set closed_at = clock_timestamp()
  where c.message_id = of_message_id and c.source = of_source
    and c.expires_at <= clock_timestamp() and c.answered_at is null and c.closed_at is null;
  return query
  select
    case
      when bool_or(c.answered_at is not null) then 'answered'
      when bool_or(c.awaited_at is not null and c.closed_at is null) then 'awaited'
      when bool_or(c.awaited_at is not null) then 'over'
      else 'none'
    end,
    (array_agg(c.answer) filter (where c.answered_at is not null))[1],
    max(c.expires_at) filter (where c.awaited_at is not null and c.closed_at is null)
  from wechat.reply_callback c where c.message_id = of_message_id and c.source = of_source;
end
$$;
comment on function wechat.awaited_reply is
  'What became of a back end''s promise to answer a message later: answered, awaited (until when), over without an answer, or none was given';

-- The back end has said 202. Should its callback have come before that, the answer is there already.
create function wechat.await_reply(of_token_hash bytea) returns jsonb
language sql as $$
  update wechat.reply_callback c set awaited_at = now() where c.token_hash = of_token_hash returning c.answer
$$;
comment on function wechat.await_reply is 'Notes that a back end will answer later; returns the answer where it has come already';

create function wechat.forget_replies(of_app_id text, of_openid text, pseudonym text) returns void
language sql as $$
  delete from wechat.reply_callback c where c.app_id = of_app_id and c.openid = of_openid
$$;
comment on function wechat.forget_replies is 'What wechat.forget does of answers that came later, or were to';

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select (app_id, openid, message_id, source, created_at, expires_at, awaited_at, answered_at, closed_at)
      on wechat.reply_callback to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator was not granted reply_callback: %', sqlerrm;
end
$$;
