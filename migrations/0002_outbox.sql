-- What is to be sent, and every attempt to send it. Rows exist before the first HTTP call.

create table wechat.delivery (
  id                  bigint generated always as identity primary key,
  message_id          bigint not null references wechat.inbound_message (id) on delete cascade,
  position            integer not null check (position > 0),
  app_id              text not null,
  openid              text not null,
  msg_type            text not null,
  payload             jsonb not null,
  status              text not null default 'pending'
                      check (status in ('pending', 'sending', 'sent', 'failed', 'expired', 'unknown', 'cancelled')),
  attempts            integer not null default 0,
  failures            integer not null default 0,
  attempt_started_at  timestamptz,
  next_attempt_at     timestamptz,
  errcode             integer,
  errmsg              text,
  created_at          timestamptz not null default now(),
  sent_at             timestamptz,
  unique (message_id, position),
  check ((status = 'sent') = (sent_at is not null))
);

-- For the operator's question "what is not through?": small, because nearly every delivery is sent.
create index delivery_not_sent on wechat.delivery (app_id, status, created_at) where status <> 'sent';
create index delivery_created_at on wechat.delivery using brin (created_at);

comment on table wechat.delivery is 'The outbox: one row for each message to be sent to a user, written before any attempt';
comment on column wechat.delivery.id is 'Identity; appears in logs as delivery_id';
comment on column wechat.delivery.message_id is 'The inbound message that this answers';
comment on column wechat.delivery.position is 'Order within the replies to one message, from 1; sent in this order';
comment on column wechat.delivery.app_id is 'The account that sends it';
comment on column wechat.delivery.openid is 'The user it goes to';
comment on column wechat.delivery.msg_type is 'msgtype of the customer-service API: text, news, image, …';
comment on column wechat.delivery.payload is 'The body for custom/send without touser: msgtype and its object';
comment on column wechat.delivery.status is
  'pending: to be sent (again at next_attempt_at); sending: an attempt is under way; final: sent, failed (refused), expired (reply window over), unknown (may have been sent; held for an operator), cancelled (by an operator)';
comment on column wechat.delivery.attempts is 'HTTP calls started for it; each has a row in delivery_attempt once it ended';
comment on column wechat.delivery.failures is 'Attempts that count towards giving up (token renewals and throttling do not)';
comment on column wechat.delivery.attempt_started_at is 'Start of the latest attempt';
comment on column wechat.delivery.next_attempt_at is 'When a pending delivery is tried again; null before the first attempt and when final';
comment on column wechat.delivery.errcode is 'WeChat''s code of the last answer (0 is success); null when there was no answer';
comment on column wechat.delivery.errmsg is 'WeChat''s text or the network error of the last attempt, with its rid for WeChat''s support';
comment on column wechat.delivery.created_at is 'When the reply logic''s result was stored';
comment on column wechat.delivery.sent_at is 'When WeChat accepted it; null unless status is sent';

create table wechat.delivery_attempt (
  delivery_id  bigint not null references wechat.delivery (id) on delete cascade,
  attempt      integer not null check (attempt > 0),
  started_at   timestamptz not null,
  finished_at  timestamptz not null,
  outcome      text not null
               check (outcome in ('sent', 'token', 'transient', 'throttled', 'permanent', 'unknown')),
  http_status  integer,
  errcode      integer,
  errmsg       text,
  primary key (delivery_id, attempt)
);

comment on table wechat.delivery_attempt is 'Append-only: one row for each HTTP call that was made for a delivery';
comment on column wechat.delivery_attempt.delivery_id is 'The delivery it was made for';
comment on column wechat.delivery_attempt.attempt is 'Number of the call for this delivery, from 1';
comment on column wechat.delivery_attempt.started_at is 'When the call began';
comment on column wechat.delivery_attempt.finished_at is 'When it was answered, failed, or was found to be lost with its worker';
comment on column wechat.delivery_attempt.outcome is
  'sent; token (renewed and sent again); transient (tried again later); throttled (waits for the quota); permanent (refused); unknown (the request may have been carried out, no answer was seen)';
comment on column wechat.delivery_attempt.http_status is 'HTTP status of the answer; null when there was none';
comment on column wechat.delivery_attempt.errcode is 'errcode of the answer; null when there was none';
comment on column wechat.delivery_attempt.errmsg is 'errmsg of the answer, or the network error';
