-- What leads from the log's line of a push to those of its attempts. Without an index: it is read along with the
-- message, never searched for by the service, and an index would cost every push.

alter table wechat.inbound_message add column request_id text;
comment on column wechat.inbound_message.request_id is
  'Id of the push that was stored, as in the log: its X-Request-Id if a proxy set one, else made here; null for messages of before it was kept';
