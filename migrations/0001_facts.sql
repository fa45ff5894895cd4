-- Facts: what users sent, what was to be sent to them, and every attempt. A row is written once and closed by one update.
-- History grows without end, so the hot path reads none of it: what is still to be done is in 0002_work.sql.
--
-- There are no foreign keys among these tables: each would cost every message a look-up of a row that the same
-- transaction has just written. Who deletes a message deletes its deliveries and attempts with it (retention).

comment on schema wechat is 'wechat-outbox: messages from and to the users of WeChat Official Accounts';

create table wechat.inbound_message (
  -- The ids of one conversation commit in their order, because each is drawn while its lane is locked (src/outbox/arrive.ts).
  -- That needs CACHE 1, and no other source of ids.
  id              bigint generated always as identity (cache 1) primary key,
  app_id          text not null,
  openid          text not null,
  slot            text not null default '',
  dedupe_key      text not null,
  request_id      text,
  msg_type        text not null,
  event           text,
  event_key       text,
  content         text,
  payload         jsonb not null,
  created_at      timestamptz not null,
  received_at     timestamptz not null default now(),
  window_ends_at  timestamptz,
  window_quota    integer check (window_quota >= 0),
  status          text not null default 'received' check (status in ('received', 'settled', 'failed')),
  settled_at      timestamptz,
  error           text,
  merged_into     bigint,
  merged_count    integer check (merged_count >= 0),
  for_agent       boolean not null default false,
  failed          boolean not null generated always as (status = 'failed') stored,
  forgotten_at    timestamptz,
  unique (app_id, dedupe_key),
  check ((status = 'received') = (settled_at is null)),
  check (forgotten_at is null or settled_at is not null),
  -- It is answered with a later one, which is answered itself.
  check (merged_into is null or (status = 'settled' and merged_into > id and merged_count is null))
) with (
  -- The closing update finds room for the second version on its page, so it touches no index (HOT).
  fillfactor = 50,
  -- By share of a table with years of history it would be vacuumed too seldom, and the planner would know too little of today.
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02
);

-- No index names a column that the closing update changes. `failed` is false before and after nearly every one.
create index inbound_message_conversation on wechat.inbound_message (app_id, openid, id);
create index inbound_message_failed on wechat.inbound_message (app_id, id) where failed;
-- Few: those that were left to a person.
create index inbound_message_for_agent on wechat.inbound_message (app_id, id) where for_agent;
-- Those that are answered with another; its own update alone changes what is indexed.
create index inbound_message_merged on wechat.inbound_message (merged_into) where merged_into is not null;
-- Few: those who may have to be forgotten, see wechat.forget_unsubscribed.
create index inbound_message_unsubscribed on wechat.inbound_message (id) where event = 'unsubscribe' and forgotten_at is null;
create index inbound_message_received_at on wechat.inbound_message using brin (received_at) with (autosummarize = on);

comment on table wechat.inbound_message is
  'One row for each message or event that a user sent, stored before WeChat had its response';
comment on column wechat.inbound_message.id is 'Order of arrival; a conversation is answered in this order';
comment on column wechat.inbound_message.app_id is 'The account (AppID) that the user wrote to';
comment on column wechat.inbound_message.openid is 'The user, as this account knows them (FromUserName)';
comment on column wechat.inbound_message.slot is
  'The lane of the conversation that it waits in: empty where the account keeps order, its own dedupe_key where it does not';
comment on column wechat.inbound_message.dedupe_key is
  'Equal for all pushes of the same message and for nothing else: a message by openid and MsgId, an event by openid and all that it says';
comment on column wechat.inbound_message.request_id is
  'Id of the push that was stored, as in the log: its X-Request-Id if a proxy set one, else made here';
comment on column wechat.inbound_message.msg_type is 'MsgType as sent: text, image, voice, video, shortvideo, location, link, event or one unknown to us';
comment on column wechat.inbound_message.event is 'Event in lower case (subscribe, click, …); null unless msg_type is event';
comment on column wechat.inbound_message.event_key is 'EventKey: menu key, scene or url; null where the event has none';
comment on column wechat.inbound_message.content is 'What one would search: the text, recognised speech, a location''s label or a link''s title';
comment on column wechat.inbound_message.payload is 'Every field as sent, by WeChat''s names; numbers and ids as strings';
comment on column wechat.inbound_message.created_at is 'CreateTime: when the user sent it, by WeChat''s clock, to the second';
comment on column wechat.inbound_message.received_at is 'When it was stored here';
comment on column wechat.inbound_message.window_ends_at is 'Until when replies to this message are allowed; null when it opens no reply window of its own';
comment on column wechat.inbound_message.window_quota is 'How many replies its window allows; null when it opens none';
comment on column wechat.inbound_message.status is
  'received: not answered to the end (see lane); settled: all its deliveries are final, or there was nothing to say; failed: the reply logic failed for good (see error)';
comment on column wechat.inbound_message.settled_at is 'When the status became final (settled or failed); null before';
comment on column wechat.inbound_message.error is 'Why the reply logic failed for good, why it did not run (limited: …) or its replies were stopped by a check, or what had to be cut from them';
comment on column wechat.inbound_message.merged_into is
  'The later message of the same user (inbound_message.id) that it was answered with (MERGE_WITHIN): what became of it stands there; null otherwise';
comment on column wechat.inbound_message.merged_count is
  'How many earlier messages are answered with it: none are added once it is set, for the reply logic may have run; null: MERGE_WITHIN did not concern it, or not yet';
comment on column wechat.inbound_message.for_agent is
  'It came while a person had the conversation, or was asked for (handover): the reply logic did not run for it';
comment on column wechat.inbound_message.failed is 'Whether the status is failed. Indexed, which status is not';
comment on column wechat.inbound_message.forgotten_at is
  'When its user was forgotten (wechat.forget): openid is a pseudonym since, and content and payload are gone; null otherwise';

create table wechat.delivery (
  id                  bigint generated always as identity primary key,
  message_id          bigint not null,
  position            integer not null check (position > 0),
  app_id              text not null,
  openid              text not null,
  origin              text not null default 'reply' check (origin in ('reply', 'operator', 'agent')),
  agent               text,
  msg_type            text not null,
  payload             jsonb not null,
  ignores_window      boolean not null default false,
  created_at          timestamptz not null default now(),
  status              text not null default 'pending'
                      check (status in ('pending', 'sending', 'sent', 'failed', 'expired', 'unknown', 'cancelled')),
  attempts            integer not null default 0 check (attempts >= 0),
  failures            integer not null default 0 check (failures >= 0),
  attempt_started_at  timestamptz,
  next_attempt_at     timestamptz,
  sent_at             timestamptz,
  errcode             integer,
  errmsg              text,
  ended_unsent        boolean not null
                      generated always as (status in ('failed', 'expired', 'unknown', 'cancelled')) stored,
  unique (message_id, position),
  check ((origin = 'agent') = (agent is not null)),
  check ((status = 'sent') = (sent_at is not null)),
  check (status <> 'sending' or (attempts > 0 and attempt_started_at is not null)),
  check (next_attempt_at is null or status = 'pending')
) with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02
);

-- For the operator's question "what is not through?": small, because nearly every delivery is sent. `ended_unsent` is false
-- before and after the update of such a one.
create index delivery_ended_unsent on wechat.delivery (app_id, created_at) where ended_unsent;
-- The same, to be read page by page in the order of id, from wherever the last page ended.
create index delivery_ended_unsent_id on wechat.delivery (app_id, id) where ended_unsent;
create index delivery_created_at on wechat.delivery using brin (created_at) with (autosummarize = on);

comment on table wechat.delivery is 'The outbox: one row for each message to be sent to a user, written before any attempt';
comment on column wechat.delivery.id is 'Identity; appears in logs as delivery_id';
comment on column wechat.delivery.message_id is 'The inbound message that this answers';
comment on column wechat.delivery.position is 'Order within the replies to one message, from 1; sent in this order';
comment on column wechat.delivery.app_id is 'The account that sends it';
comment on column wechat.delivery.openid is 'The user it goes to';
comment on column wechat.delivery.origin is
  'reply: by the reply logic; operator: sent by hand; agent: by the person who had taken the conversation over';
comment on column wechat.delivery.agent is 'Who wrote it, where origin is agent; null otherwise';
comment on column wechat.delivery.msg_type is 'msgtype of the customer-service API: text, news, image, …';
comment on column wechat.delivery.payload is 'The body for custom/send without touser: msgtype and its object';
comment on column wechat.delivery.ignores_window is
  'Requeued or sent by force after its reply window: WeChat is asked although it will likely refuse (45015)';
comment on column wechat.delivery.created_at is 'When the reply logic''s result was stored, or a person sent it';
comment on column wechat.delivery.status is
  'pending: to be sent (again at next_attempt_at); sending: an attempt is under way; final: sent, failed (refused), expired (reply window over), unknown (may have been sent; held for an operator), cancelled (by an operator)';
comment on column wechat.delivery.attempts is 'HTTP calls begun for it; each has a row in delivery_attempt once it ended';
comment on column wechat.delivery.failures is 'Attempts that count towards giving up (token renewals and throttling do not)';
comment on column wechat.delivery.attempt_started_at is 'Start of the latest attempt';
comment on column wechat.delivery.next_attempt_at is 'When a pending delivery is tried again; null before the first attempt and when final';
comment on column wechat.delivery.sent_at is 'When WeChat accepted it; null unless status is sent';
comment on column wechat.delivery.errcode is 'WeChat''s code of the last response (0 is success); null when there was none';
comment on column wechat.delivery.errmsg is 'WeChat''s text or the network error of the last attempt, with its rid for WeChat''s support';
comment on column wechat.delivery.ended_unsent is
  'Whether it ended without being sent: failed, expired, unknown or cancelled. Indexed, which status is not';

create table wechat.delivery_attempt (
  delivery_id  bigint not null,
  attempt      integer not null check (attempt > 0),
  started_at   timestamptz not null,
  finished_at  timestamptz not null,
  outcome      text not null
               check (outcome in ('sent', 'token', 'transient', 'throttled', 'permanent', 'unknown')),
  http_status  integer,
  errcode      integer,
  errmsg       text,
  corrected_at timestamptz,
  primary key (delivery_id, attempt),
  check (corrected_at is null or outcome <> 'unknown')
);
create index delivery_attempt_started_at on wechat.delivery_attempt using brin (started_at) with (autosummarize = on);

comment on table wechat.delivery_attempt is
  'One row for each HTTP call that was made for a delivery, written when it ended. Only one of unknown outcome may change: when its response comes late after all';
comment on column wechat.delivery_attempt.delivery_id is 'The delivery it was made for';
comment on column wechat.delivery_attempt.attempt is 'Number of the call for this delivery, from 1';
comment on column wechat.delivery_attempt.started_at is 'When the call began';
comment on column wechat.delivery_attempt.finished_at is 'When its response came, it failed, or was found to be lost with its worker';
comment on column wechat.delivery_attempt.outcome is
  'sent; token (renewed and sent again); transient (tried again later); throttled (waits for the quota); permanent (refused); unknown (the request may have been carried out, no response was seen)';
comment on column wechat.delivery_attempt.http_status is 'HTTP status of the response; null when there was none';
comment on column wechat.delivery_attempt.errcode is 'errcode of the response; null when there was none';
comment on column wechat.delivery_attempt.errmsg is 'errmsg of the response, or the network error';
comment on column wechat.delivery_attempt.corrected_at is
  'When its late response replaced the unknown outcome that was on record: what was tried in between, was tried not knowing it; null otherwise';
