-- What reply logic keeps between its runs: a value for each conversation, and the results of what must be done only once.

create table wechat.conversation_state (
  app_id      text not null,
  openid      text not null,
  value       jsonb,
  version     integer not null check (version > 0),
  updated_at  timestamptz not null default now(),
  primary key (app_id, openid)
) with (fillfactor = 70);
-- For the rounds that delete what was cleared.
create index conversation_state_cleared on wechat.conversation_state (updated_at) where value is null;

comment on table wechat.conversation_state is 'What the reply logic keeps for a conversation (context.state)';
comment on column wechat.conversation_state.app_id is 'The account';
comment on column wechat.conversation_state.openid is 'The user; the row goes when they are forgotten';
comment on column wechat.conversation_state.value is
  'The value; null (of SQL): it was cleared, and the row stays for a day, so that the version goes on';
comment on column wechat.conversation_state.version is 'Counts the changes, from 1; clearing is one';
comment on column wechat.conversation_state.updated_at is 'When it was last changed';

create table wechat.once_result (
  message_id  bigint not null,
  key         text not null check (key <> '' and length(key) <= 100),
  value       jsonb not null,
  created_at  timestamptz not null default now(),
  primary key (message_id, key)
);

comment on table wechat.once_result is
  'What actions of the reply logic returned that are done once for a message (context.once)';
comment on column wechat.once_result.message_id is
  'The message (inbound_message.id); the row goes when it goes, or when its user is forgotten';
comment on column wechat.once_result.key is 'What the reply logic calls the action';
comment on column wechat.once_result.value is 'What the action returned';
comment on column wechat.once_result.created_at is 'When it was done';

create function wechat.forget_turns(of_app_id text, of_openid text, pseudonym text) returns void
language sql as $$
  delete from wechat.conversation_state s where s.app_id = of_app_id and s.openid = of_openid;
  -- The messages bear the pseudonym by now.
  delete from wechat.once_result o
  using wechat.inbound_message m
  where m.app_id = of_app_id and m.openid = pseudonym and o.message_id = m.id
$$;
comment on function wechat.forget_turns is 'What wechat.forget does of what reply logic kept for a user';

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.conversation_state, wechat.once_result to wechat_analyst;
  end if;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select on wechat.conversation_state, wechat.once_result to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator and wechat_analyst were not granted conversation_state and once_result: %', sqlerrm;
end
$$;
