-- Rules that answer (REPLIES=rules.yaml): every text that was in force, and who changed it. The latest of a name is in force in all
-- processes. A version is never changed: to go back is one more version, with an earlier text.

create table wechat.rules_version (
  id          bigint generated always as identity primary key,
  name        text not null check (name <> ''),
  text        text not null,
  origin      text not null check (origin in ('file', 'console', 'cli')),
  operator    text not null,
  note        text,
  replaces    bigint not null,
  created_at  timestamptz not null default now(),
  -- Of two who change the same version at the same moment, one is told of the other.
  unique (name, replaces)
);
create index rules_version_name on wechat.rules_version (name, id);

comment on table wechat.rules_version is 'Every version of the rules that answer; the latest of a name is in force. Append-only';
comment on column wechat.rules_version.id is 'Identity, in the order of the changes';
comment on column wechat.rules_version.name is 'The name of the file in REPLIES, without its folder';
comment on column wechat.rules_version.text is 'The whole file';
comment on column wechat.rules_version.origin is 'Where it was changed: file, console or cli';
comment on column wechat.rules_version.operator is
  'Who changed it: user@host of the command line, the user of the console, or else the database user; system: a process that found the file changed';
comment on column wechat.rules_version.note is 'Why, in the words of who changed it; null: they said nothing';
comment on column wechat.rules_version.replaces is 'The version that was in force before; 0: none';
comment on column wechat.rules_version.created_at is 'When';

create function wechat.change_rules(
  of_name text, new_text text, expected_id bigint, because text default null, from_origin text default 'console')
returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  added bigint;
  actor text := coalesce(current_setting('wechat.operator', true), '');
begin
  if from_origin = 'file' then
    perform set_config('wechat.operator', 'system', true);
  end if;
  insert into wechat.rules_version (name, text, origin, operator, note, replaces)
  select of_name, new_text, from_origin,
    coalesce(nullif(current_setting('wechat.operator', true), ''), session_user), because, coalesce(expected_id, 0)
  where coalesce(expected_id, 0) = coalesce(
    (select v.id from wechat.rules_version v where v.name = of_name order by v.id desc limit 1), 0)
  on conflict (name, replaces) do nothing
  returning id into added;
  if added is not null then
    perform wechat.record_action(
      'rules_change', null, jsonb_build_object('rules', of_name, 'version', added, 'origin', from_origin), 1);
  end if;
  perform set_config('wechat.operator', actor, true);
  return added;
end
$$;
comment on function wechat.change_rules is
  'Puts a text in force as the rules of this name, in all processes; it is the caller''s to check it first. expected_id: the version that it was made from (0 or null: there is none). The id of the new version, or null where another is in force by now: nothing was changed then';

revoke execute on function wechat.change_rules(text, text, bigint, text, text) from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.rules_version to wechat_analyst;
  end if;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select on wechat.rules_version to wechat_operator;
    grant execute on function wechat.change_rules(text, text, bigint, text, text) to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator and wechat_analyst were not granted all of the rules: %', sqlerrm;
end
$$;
