-- Who asks WeChat for another credential, and for how long nobody else does. No connection is held meanwhile.

alter table wechat.credential
  add column renewing_by text,
  add column renewing_until timestamptz,
  add constraint credential_renewal check ((renewing_by is null) = (renewing_until is null));

comment on column wechat.credential.value is 'The secret itself: not for analysts, never logged; empty while the first one is being fetched';
comment on column wechat.credential.renewing_by is 'The process that is asking WeChat for the next one; null when none is';
comment on column wechat.credential.renewing_until is 'Until when the others leave it to that process; null when none is asking';
