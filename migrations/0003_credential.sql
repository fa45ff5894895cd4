-- What the account's secret buys for two hours, shared by all processes.

create table wechat.credential (
  app_id        text not null,
  kind          text not null check (kind in ('access_token', 'jsapi_ticket')),
  value         text not null,
  expires_at    timestamptz not null,
  version       bigint not null default 1,
  refreshed_at  timestamptz not null default now(),
  forced_at     timestamptz,
  primary key (app_id, kind)
);

comment on table wechat.credential is 'Access tokens and tickets in force; written under an advisory lock, one refresh at a time';
comment on column wechat.credential.app_id is 'The account it belongs to';
comment on column wechat.credential.kind is 'access_token or jsapi_ticket';
comment on column wechat.credential.value is 'The secret itself: not for analysts, never logged';
comment on column wechat.credential.expires_at is 'End of its validity by WeChat''s expires_in';
comment on column wechat.credential.version is 'Grows by one with each refresh';
comment on column wechat.credential.refreshed_at is 'When it was fetched';
comment on column wechat.credential.forced_at is 'Last force_refresh (WeChat allows 20 a day, 30 s apart); null when never';
