-- Who may use the console in the browser: users, their sessions, links that let the first one in, and failed sign-ins.
--
-- Tokens are kept as hashes alone: who reads these tables can sign in as nobody. They are for the service, not for analysts or
-- operators.

create table wechat.console_user (
  name          text primary key check (name <> '' and length(name) <= 100),
  display_name  text not null,
  role          text not null check (role in ('viewer', 'agent', 'analyst', 'operator', 'admin')),
  password      text,
  identity      text unique,
  disabled      boolean not null default false,
  created_at    timestamptz not null default now(),
  last_seen_at  timestamptz
);

comment on table wechat.console_user is 'People who may use the console';
comment on column wechat.console_user.name is 'What they sign in as, and what operator_action calls them';
comment on column wechat.console_user.display_name is 'What the console shows of them';
comment on column wechat.console_user.role is 'viewer, agent, analyst, operator or admin';
comment on column wechat.console_user.password is
  'scrypt$N$r$p$salt$hash, salt and hash in base64url; null: they sign in another way. A secret';
comment on column wechat.console_user.identity is
  'Issuer and subject of OpenID Connect that this user is, since their first sign-in that way; null: none';
comment on column wechat.console_user.disabled is 'They may not sign in now; their sessions are gone';
comment on column wechat.console_user.created_at is 'When they were added';
comment on column wechat.console_user.last_seen_at is 'When they last did something in the console, to the minute; null: never';

create table wechat.console_session (
  token_hash  bytea primary key,
  user_name   text not null,
  via         text not null check (via in ('password', 'oidc', 'header', 'link')),
  address     text not null,
  created_at  timestamptz not null default now(),
  seen_at     timestamptz not null default now(),
  ends_at     timestamptz not null
);
create index console_session_user_name on wechat.console_session (user_name);

comment on table wechat.console_session is 'Who is signed in to the console. A row that is deleted is a session that is over';
comment on column wechat.console_session.token_hash is 'SHA-256 of the token in the browser''s cookie';
comment on column wechat.console_session.user_name is
  'Whose it is: a console_user, but for a session by link, which is of an admin without a row there';
comment on column wechat.console_session.via is 'How they signed in: password, oidc, header (of a proxy that is trusted) or link';
comment on column wechat.console_session.address is 'Where they signed in from';
comment on column wechat.console_session.created_at is 'When they signed in';
comment on column wechat.console_session.seen_at is 'When they last did something, to the minute: it ends when this is too long ago';
comment on column wechat.console_session.ends_at is 'When it ends whatever they do';

create table wechat.console_link (
  token_hash     bytea primary key,
  user_name      text not null,
  while_no_user  boolean not null,
  ends_at        timestamptz not null
);

comment on table wechat.console_link is 'Links that sign an admin in, once; a row is deleted when it is used';
comment on column wechat.console_link.token_hash is 'SHA-256 of the token in the link';
comment on column wechat.console_link.user_name is 'What operator_action calls whoever uses it';
comment on column wechat.console_link.while_no_user is 'It is good only as long as the console has no user: one that the log printed';
comment on column wechat.console_link.ends_at is 'Until when it is good';

create table wechat.sign_in_attempt (
  key            bytea primary key,
  failures       integer not null,
  last_at        timestamptz not null,
  blocked_until  timestamptz not null
);
create index sign_in_attempt_last_at on wechat.sign_in_attempt (last_at);

comment on table wechat.sign_in_attempt is 'Sign-ins to the console that failed of late, and how long others from there must wait';
comment on column wechat.sign_in_attempt.key is
  'SHA-256 of what is counted: an address; a name from an address; or a name from a browser that it signed in from before';
comment on column wechat.sign_in_attempt.failures is 'How many failed, without one that worked between; those under way count too';
comment on column wechat.sign_in_attempt.last_at is 'When the last was tried; after an hour it begins again at none';
comment on column wechat.sign_in_attempt.blocked_until is 'Until when no further try is looked at';
