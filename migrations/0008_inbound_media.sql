-- What users sent as files, once somebody looked at it: WeChat keeps a file for three days, and counts each fetch.

create table wechat.inbound_media (
  message_id    bigint not null,
  position      integer not null check (position >= 0),
  content_type  text not null,
  bytes         integer not null check (bytes > 0),
  content       bytea not null,
  fetched_at    timestamptz not null default now(),
  primary key (message_id, position),
  check (bytes = octet_length(content))
);
-- Pictures and films are compressed already; and a part of what is stored as it is can be read without the rest.
alter table wechat.inbound_media alter column content set storage external;

comment on table wechat.inbound_media is
  'Pictures, voices and videos of conversations that somebody looked at in the console; the oldest go where all together are too large';
comment on column wechat.inbound_media.message_id is 'The message of the user (inbound_message.id); the file goes when it goes or is forgotten';
comment on column wechat.inbound_media.position is '0: the user sent it; else delivery.position of what was sent on that message';
comment on column wechat.inbound_media.content_type is 'What its bytes say it is, such as image/jpeg';
comment on column wechat.inbound_media.bytes is 'How large it is';
comment on column wechat.inbound_media.content is 'The file';
comment on column wechat.inbound_media.fetched_at is 'When it was fetched from WeChat, or sent';
