-- Where a message came from in a trace (OpenTelemetry): it goes on in another process, perhaps much later, so it is kept with the message.
-- Set only where a span recorded the push. A null takes no room, and no index names the column.
alter table wechat.inbound_message add column traceparent text;
comment on column wechat.inbound_message.traceparent is
  'Trace and span in which it was stored, as the header of that name in Trace Context of the W3C; null where nothing recorded its push';

-- A trace tells of no user, but somebody may have kept what led to it.
create or replace function wechat.forget_replies(of_app_id text, of_openid text, pseudonym text) returns void
language sql as $$
  delete from wechat.reply_callback c where c.app_id = of_app_id and c.openid = of_openid;
  -- The messages bear the pseudonym by now.
  update wechat.inbound_message m set traceparent = null
  where m.app_id = of_app_id and m.openid = pseudonym and m.traceparent is not null
$$;
comment on function wechat.forget_replies is
  'What wechat.forget does of answers that came later, or were to, and of the traces of messages';
