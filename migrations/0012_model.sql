-- Replies that a language model writes: its calls with what they cost, what it may remember, and what is left of long answers.
-- What is promised to run once for a message is kept elsewhere; these rows are the record and the memory.

create table wechat.model_call (
  id                 bigint generated always as identity primary key,
  message_id         bigint not null,
  app_id             text not null,
  openid             text not null,
  purpose            text not null check (purpose in ('answer', 'summary')),
  step               integer not null check (step > 0),
  model              text not null,
  started_at         timestamptz not null default now(),
  finished_at        timestamptz,
  outcome            text check (outcome in (
                       'completed', 'timeout', 'stalled', 'broken', 'rate_limited', 'unavailable', 'refused', 'nonsense',
                       'stopped', 'lost')),
  finish_reason      text,
  prompt_tokens      integer,
  completion_tokens  integer,
  tokens_estimated   boolean not null default false,
  cost               numeric(16, 8),
  currency           text,
  error              text
);
create index model_call_message_id on wechat.model_call (message_id);
-- Budgets: the calls of a user, and those of an account, since the day began.
create index model_call_user on wechat.model_call (app_id, openid, started_at);
create index model_call_account on wechat.model_call (app_id, started_at);

comment on table wechat.model_call is 'Every call of a language model that answers messages, with its tokens and its cost';
comment on column wechat.model_call.id is 'Identity, in the order of the calls';
comment on column wechat.model_call.message_id is 'The message of the user that it was made for (inbound_message.id)';
comment on column wechat.model_call.app_id is 'The account';
comment on column wechat.model_call.openid is 'The user';
comment on column wechat.model_call.purpose is 'answer: of the message; summary: of what was said before, where it became too long';
comment on column wechat.model_call.step is
  'From 1: an answer takes one call more for each time that the model asks for tools; a failed call is made again with the same number';
comment on column wechat.model_call.model is 'The model, by the name that its server knows it by';
comment on column wechat.model_call.started_at is 'When it was made';
comment on column wechat.model_call.finished_at is 'When its end was written down; null while it runs';
comment on column wechat.model_call.outcome is
  'completed; timeout or stalled (it took too long), broken (the stream ended in the middle), rate_limited (429), unavailable (500 and the like, or no connection), refused (other 4xx), nonsense (no response of such a server), stopped (the process was told to stop) or lost (the process died meanwhile); null while it runs';
comment on column wechat.model_call.finish_reason is 'Why the model ended, in its server''s words: stop, length, tool_calls, content_filter, …';
comment on column wechat.model_call.prompt_tokens is 'Tokens that it was given; null where it did not complete';
comment on column wechat.model_call.completion_tokens is 'Tokens that it wrote; null where it did not complete';
comment on column wechat.model_call.tokens_estimated is 'The server did not say how many tokens: they are estimated';
comment on column wechat.model_call.cost is 'By the prices in the model''s file, in currency; null without prices';
comment on column wechat.model_call.currency is 'Of cost, such as CNY';
comment on column wechat.model_call.error is 'What went wrong; null where nothing did';

create table wechat.model_memory (
  app_id           text not null,
  openid           text not null,
  forgotten_up_to  bigint not null default 0,
  summary          text,
  summary_up_to    bigint not null default 0,
  updated_at       timestamptz not null default now(),
  primary key (app_id, openid)
);

comment on table wechat.model_memory is 'What a language model may know of a conversation, beside the messages themselves';
comment on column wechat.model_memory.app_id is 'The account';
comment on column wechat.model_memory.openid is 'The user';
comment on column wechat.model_memory.forgotten_up_to is
  'The model sees nothing of this message and those before (inbound_message.id): the user asked it to forget; 0: it may see all';
comment on column wechat.model_memory.summary is 'What was said, as the model put it together; null: there is no summary';
comment on column wechat.model_memory.summary_up_to is 'The last message that is in the summary (inbound_message.id); 0: none';
comment on column wechat.model_memory.updated_at is 'When this was last changed';

create table wechat.model_rest (
  message_id  bigint primary key,
  app_id      text not null,
  openid      text not null,
  parts       text[] not null,
  created_at  timestamptz not null default now()
);
create index model_rest_user on wechat.model_rest (app_id, openid, message_id);

comment on table wechat.model_rest is 'What of a long answer was not sent yet: the user gets it by asking to go on';
comment on column wechat.model_rest.message_id is 'The message of the user whose answer left it (inbound_message.id)';
comment on column wechat.model_rest.app_id is 'The account';
comment on column wechat.model_rest.openid is 'The user';
comment on column wechat.model_rest.parts is 'The messages that are left, in order; none: it was all sent';
comment on column wechat.model_rest.created_at is 'When it was put here';

create function wechat.forget_model(of_app_id text, of_openid text, pseudonym text) returns void
language plpgsql as $$
begin
  -- An error may quote what the model was asked.
  update wechat.model_call c set openid = pseudonym, error = null where c.app_id = of_app_id and c.openid = of_openid;
  delete from wechat.model_memory m where m.app_id = of_app_id and m.openid = of_openid;
  delete from wechat.model_rest r where r.app_id = of_app_id and r.openid = of_openid;
end
$$;
comment on function wechat.forget_model is 'What wechat.forget does of what a language model was asked and remembers of a user';

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.model_call, wechat.model_memory, wechat.model_rest to wechat_analyst;
  end if;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select on wechat.model_call, wechat.model_memory, wechat.model_rest to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator and wechat_analyst were not granted all of the model: %', sqlerrm;
end
$$;
