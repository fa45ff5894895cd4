-- Nearly every delivery is sent, by an update of its status. While an index named the status, that update wrote a new
-- entry to every index of the table (it could not be HOT). This column is false before and after it.
-- Adding it rewrites the table once.

alter table wechat.delivery add column ended_unsent boolean not null
  generated always as (status in ('failed', 'expired', 'unknown', 'cancelled')) stored;
comment on column wechat.delivery.ended_unsent is
  'Whether it ended without being sent: failed, expired, unknown or cancelled. Indexed, which status is not';

-- For the same update: room for the second version of every row on its page.
alter table wechat.delivery set (fillfactor = 50);

drop index wechat.delivery_not_sent;
create index delivery_ended_unsent on wechat.delivery (app_id, created_at) where ended_unsent;

create or replace function wechat.requeue_candidates(
  state text default 'failed', code integer default null, since interval default '24 hours',
  account text default null, max integer default 1000)
returns setof bigint
language plpgsql stable as $$
begin
  if state not in ('failed', 'expired', 'unknown', 'cancelled') then
    raise exception 'state must be failed, expired, unknown or cancelled, not "%"', state
      using errcode = 'invalid_parameter_value';
  end if;
  return query
    select d.id
    from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
    where d.ended_unsent and d.status = state
      and (code is null or d.errcode = code)
      and (account is null or d.app_id = account)
      and coalesce(m.settled_at, 'infinity') >= now() - since
    order by d.id limit max;
end
$$;

create or replace view wechat.delivery_failures as
select d.created_at as at, d.app_id, d.openid, d.status as state, d.errcode, d.errmsg, d.attempts, d.msg_type as type,
  wechat.payload_text(d.payload) as text, m.content as asked, m.event, d.message_id, d.id as delivery_id
from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
where d.ended_unsent;
