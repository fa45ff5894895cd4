-- Where a message came from in a trace (OpenTelemetry): it goes on in another process, perhaps much later, so it is kept with the message.
-- Set only where a span recorded the push. A null takes no room, and no index names the column.
alter table wechat.inbound_message add column traceparent text;
comment on column wechat.inbound_message.traceparent is
  'Trace and span in which it was stored, as the header of that name in Trace Context of the W3C; null where nothing recorded its push';

-- A trace tells of no user, but somebody may have kept what led to it.
create function wechat.forget_traces(of_app_id text, pseudonym text) returns void
language sql as $$
  update wechat.inbound_message m set traceparent = null
  where m.app_id = of_app_id and m.openid = pseudonym and m.traceparent is not null
$$;
comment on function wechat.forget_traces is 'What wechat.forget does of the traces of messages, which bear the pseudonym by now';
