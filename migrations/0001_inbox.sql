-- What users sent. A row is written before WeChat gets its acknowledgement, and never twice for one message.

comment on schema wechat is 'wechat-outbox: messages from and to the users of WeChat Official Accounts';

create table wechat.inbound_message (
  id              bigint generated always as identity primary key,
  app_id          text not null,
  dedupe_key      text not null,
  openid          text not null,
  msg_type        text not null,
  event           text,
  event_key       text,
  content         text,
  created_at      timestamptz not null,
  received_at     timestamptz not null default now(),
  payload         jsonb not null,
  status          text not null default 'received'
                  check (status in ('received', 'answering', 'settled', 'failed')),
  window_ends_at  timestamptz,
  window_quota    integer check (window_quota >= 0),
  error           text,
  settled_at      timestamptz,
  due_at          timestamptz not null default now(),
  claimed_by      integer,
  claimed_at      timestamptz,
  reply_attempts  integer not null default 0,
  unique (app_id, dedupe_key),
  check ((status in ('settled', 'failed')) = (settled_at is not null))
);

-- The only index besides the keys that the hot path needs: it holds unsettled messages alone, so it stays
-- small however long the history grows. Its predicate is settled_at (not status), so that the updates
-- between receiving and settling touch no indexed column and can be HOT.
create index inbound_message_unsettled on wechat.inbound_message (app_id, openid, id) where settled_at is null;

create index inbound_message_conversation on wechat.inbound_message (app_id, openid, created_at);
create index inbound_message_received_at on wechat.inbound_message using brin (received_at);

comment on table wechat.inbound_message is
  'One row for each message or event that a user sent, stored before WeChat was answered';
comment on column wechat.inbound_message.id is 'Order of arrival; a conversation is answered in this order';
comment on column wechat.inbound_message.app_id is 'The account (AppID) that the user wrote to';
comment on column wechat.inbound_message.dedupe_key is
  'Equal for all pushes of the same message: msg:MsgId, or event:FromUserName:CreateTime:Event:EventKey:id';
comment on column wechat.inbound_message.openid is 'The user, as this account knows them (FromUserName)';
comment on column wechat.inbound_message.msg_type is 'MsgType as sent: text, image, voice, video, shortvideo, location, link, event or one unknown to us';
comment on column wechat.inbound_message.event is 'Event in lower case (subscribe, click, …); null unless msg_type is event';
comment on column wechat.inbound_message.event_key is 'EventKey: menu key, scene or url; null where the event has none';
comment on column wechat.inbound_message.content is 'What one would search: the text, recognised speech, a location''s label or a link''s title';
comment on column wechat.inbound_message.created_at is 'CreateTime: when the user sent it, by WeChat''s clock, to the second';
comment on column wechat.inbound_message.received_at is 'When it was stored here';
comment on column wechat.inbound_message.payload is 'Every field as sent, by WeChat''s names; numbers and ids as strings';
comment on column wechat.inbound_message.status is
  'received: the reply logic is still to run; answering: deliveries planned, not all final; settled: all final, or nothing to say; failed: the reply logic failed for good (see error)';
comment on column wechat.inbound_message.window_ends_at is 'Until when replies to this message are allowed; null when it opens no reply window of its own';
comment on column wechat.inbound_message.window_quota is 'How many replies its window allows; null when it opens none';
comment on column wechat.inbound_message.error is 'The last error of the reply logic, or what had to be cut from its replies';
comment on column wechat.inbound_message.settled_at is 'When the status became final (settled or failed); null before';
comment on column wechat.inbound_message.due_at is 'Not to be worked on before this time: arrival, or the next retry';
comment on column wechat.inbound_message.claimed_by is 'The worker process (worker_process.id) working on it now; null when none';
comment on column wechat.inbound_message.claimed_at is 'When claimed_by took it';
comment on column wechat.inbound_message.reply_attempts is 'How often the reply logic was started for it';
