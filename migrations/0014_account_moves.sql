-- An account moves from this database to another one, or from another one to this (wechat-outbox move-account). Which of the two has
-- it is said here, in both, and kept by triggers: so every process obeys, whatever its version, and whoever writes SQL by hand.
--
--   source:  (works) > copying > held > closed > left > gone      copying, held and closed: it can be called off
--   target:            filling ................. > open           or > refused > gone where it was called off
--
-- The target's row decides: from filling to open, or from filling to refused, in one transaction. The source is closed before that,
-- and nothing leads from open back. So at any moment one database works for the account, or none, and never both.

create table wechat.account_move (
  app_id           text primary key,
  move_id          uuid not null,
  side             text not null check (side in ('source', 'target')),
  phase            text not null,
  peer             text not null,
  message_offset   bigint not null,
  delivery_offset  bigint not null,
  call_offset      bigint not null,
  handover_offset  bigint not null,
  block_ends       bigint not null,
  history_since    timestamptz,
  copied_up_to     bigint not null default 0,
  copies           bigint not null default 0,
  pause_before     jsonb,
  started_at       timestamptz not null default now(),
  changed_at       timestamptz not null default now(),
  holds            boolean not null
                   generated always as (phase in ('held', 'closed', 'left', 'filling', 'refused')) stored,
  refuses          boolean not null generated always as (phase in ('closed', 'left', 'refused', 'gone')) stored,
  renews           boolean not null generated always as (phase in ('copying', 'held', 'open')) stored,
  check (case side
    when 'source' then phase in ('copying', 'held', 'closed', 'left', 'gone')
    else phase in ('filling', 'open', 'refused', 'gone')
  end)
);

comment on table wechat.account_move is 'Accounts that move to another database or came from one, one row for each';
comment on column wechat.account_move.app_id is 'The account';
comment on column wechat.account_move.move_id is 'The same in both databases';
comment on column wechat.account_move.side is 'source: it leaves this database; target: it comes here';
comment on column wechat.account_move.phase is
  'source: copying (it works here as ever), held (its conversations rest, pushes are stored), closed (it takes no pushes: the rest is copied), left (the target works, what is here goes), gone; target: filling (pushes are stored and wait), open (it works here), refused (called off), gone';
comment on column wechat.account_move.peer is 'The other database: host, port and name';
comment on column wechat.account_move.message_offset is 'What is added to inbound_message.id of the source to have that of the target';
comment on column wechat.account_move.delivery_offset is 'The same of delivery.id';
comment on column wechat.account_move.call_offset is 'The same of model_call.id';
comment on column wechat.account_move.handover_offset is 'The same of handover_history.id';
comment on column wechat.account_move.block_ends is 'The last inbound_message.id at the target that is kept for the source''s messages';
comment on column wechat.account_move.history_since is 'Settled messages from before stay at the source; null: all go along';
comment on column wechat.account_move.copied_up_to is 'At the source: its messages up to this id were copied, or are noted in account_move_change';
comment on column wechat.account_move.copies is
  'Transactions that copied to the target, and at the source how many of them it knows of; a target with fewer has lost the last ones';
comment on column wechat.account_move.pause_before is 'The row of account_pause from before the move; null: the account did not rest';
comment on column wechat.account_move.started_at is 'When the move began';
comment on column wechat.account_move.changed_at is 'When the phase last changed';
comment on column wechat.account_move.holds is 'Whether no lane is claimed, and no operator or agent changes anything';
comment on column wechat.account_move.refuses is 'Whether pushes are refused (503), so that WeChat tries again where the account is';
comment on column wechat.account_move.renews is 'Whether tokens are renewed here';

create table wechat.account_move_change (
  app_id      text not null,
  message_id  bigint not null,
  primary key (app_id, message_id)
);

comment on table wechat.account_move_change is
  'Messages of an account that moves which are to be copied again, or were not settled when it was their turn; empty when nothing moves';
comment on column wechat.account_move_change.app_id is 'The account';
comment on column wechat.account_move_change.message_id is 'The message (inbound_message.id)';

-- Whoever asks whether an account is held, and then changes something, has this lock until the commit; who changes a phase has it
-- alone (src/db/locks.ts). So what is copied after a phase has changed holds all that was allowed before.
create function wechat.await_moves() returns void
language sql as $$ select pg_advisory_xact_lock_shared(1467502434, -4) $$;
comment on function wechat.await_moves is 'Waits while the phase of a move changes, and holds up such changes until the end of the transaction';

create function wechat.refuse_for_move(of_app_id text) returns void
language plpgsql as $$
begin
  raise exception 'account % moves between databases, or has moved (wechat-outbox move-account % --status): nothing can be done for it here', of_app_id, of_app_id
    using errcode = 'WX002';
end
$$;
comment on function wechat.refuse_for_move is 'Raises WX002: the account is not to be changed in this database now';

-- Operators and agents: all that they do is put on record, in the same transaction.

create function wechat.listed_ids(details jsonb, name text) returns setof bigint
language sql immutable as $$
  select id::bigint
  from jsonb_array_elements_text(case when jsonb_typeof(details -> name) = 'array' then details -> name else '[]' end) listed (id)
$$;
comment on function wechat.listed_ids is 'The ids that an action of an operator lists under this name';

create function wechat.accounts_of_action(action wechat.operator_action) returns setof text
language sql stable as $$
  select action.app_id where action.app_id is not null
  union
  select d.app_id from wechat.delivery d
  where action.app_id is null and d.id in (select wechat.listed_ids(action.details, 'deliveries'))
  union
  select m.app_id from wechat.inbound_message m
  where action.app_id is null and m.id in (select wechat.listed_ids(action.details, 'messages'))
$$;
comment on function wechat.accounts_of_action is 'The accounts that an action of an operator is about';

create function wechat.guard_action() returns trigger
language plpgsql as $$
declare
  moving text;
begin
  perform wechat.await_moves();
  if new.action in ('move_account', 'menu_push') or not exists (select from wechat.account_move m where m.holds) then
    return new;
  end if;
  select m.app_id into moving
  from wechat.account_move m where m.holds and m.app_id in (select wechat.accounts_of_action(new)) limit 1;
  -- Of more than a thousand not all are listed.
  if moving is null and new.app_id is null
    and greatest(
      (select count(*) from wechat.listed_ids(new.details, 'deliveries')),
      (select count(*) from wechat.listed_ids(new.details, 'messages'))) >= 1000
  then
    select m.app_id into moving from wechat.account_move m where m.holds limit 1;
  end if;
  if moving is not null then
    perform wechat.refuse_for_move(moving);
  end if;
  return new;
end
$$;
comment on function wechat.guard_action is 'Refuses what operators and agents do to an account that is held for a move';
create trigger guard_action before insert on wechat.operator_action for each row execute function wechat.guard_action();

-- The pause that keeps lanes at rest stays what it is. What workers write to it, to let lanes through, is passed over.
create function wechat.guard_pause() returns trigger
language plpgsql as $$
begin
  if not exists (select from wechat.account_move m where m.app_id = old.app_id and m.holds) then
    return case when tg_op = 'DELETE' then old else new end;
  elsif tg_op = 'UPDATE' and (new.reason, new.errmsg, new.paused_at) is not distinct from (old.reason, old.errmsg, old.paused_at) then
    return null;
  end if;
  perform wechat.refuse_for_move(old.app_id);
end
$$;
comment on function wechat.guard_pause is 'Keeps the pause of an account that is held for a move';
create trigger guard_pause before update or delete on wechat.account_pause for each row execute function wechat.guard_pause();

-- One side renews tokens. A renewal takes its lease under the credential's advisory lock, which who closes the source has, too.
create function wechat.guard_credential() returns trigger
language plpgsql as $$
begin
  if exists (select from wechat.account_move m where m.app_id = new.app_id and not m.renews) then
    perform wechat.refuse_for_move(new.app_id);
  end if;
  return new;
end
$$;
comment on function wechat.guard_credential is 'Lets no token be renewed in a database that does not work for the account';
create trigger guard_credential before insert or update on wechat.credential for each row
when (new.renewing_by is not null or new.value <> '') execute function wechat.guard_credential();

create function wechat.guard_callback() returns trigger
language plpgsql as $$
begin
  perform wechat.await_moves();
  if exists (select from wechat.account_move m where m.app_id = new.app_id and (m.refuses or m.phase = 'filling')) then
    perform wechat.refuse_for_move(new.app_id);
  end if;
  return new;
end
$$;
comment on function wechat.guard_callback is 'Takes no answer that comes later where the account is not: the back end tries again';
create trigger guard_callback before update on wechat.reply_callback for each row
when (old.answered_at is null and new.answered_at is not null) execute function wechat.guard_callback();

-- On the tables that every message touches there is a trigger for an account only once it moves, with its AppID as a constant, so
-- that others pay a comparison and nobody anything before. Adding one waits for all who write to the table, and they for it: who
-- writes afterwards has it.

create function wechat.guard_claim() returns trigger
language plpgsql as $$
begin
  return case when exists (select from wechat.account_move m where m.app_id = new.app_id and m.holds) then null else new end;
end
$$;
comment on function wechat.guard_claim is 'Lets no worker take a lane of an account that is held for a move';

create function wechat.guard_arrival() returns trigger
language plpgsql as $$
begin
  if exists (select from wechat.account_move m where m.app_id = new.app_id and m.refuses) then
    perform wechat.refuse_for_move(new.app_id);
  end if;
  return new;
end
$$;
comment on function wechat.guard_arrival is 'Stores no push where the account is not any more: WeChat tries again';

create function wechat.note_change() returns trigger
language plpgsql as $$
begin
  if tg_table_name = 'inbound_message' then
    insert into wechat.account_move_change (app_id, message_id)
    select m.app_id, old.id from wechat.account_move m
    where m.app_id = old.app_id and m.side = 'source' and m.phase in ('copying', 'held', 'closed')
    on conflict do nothing;
  else
    insert into wechat.account_move_change (app_id, message_id)
    select m.app_id, d.message_id
    from wechat.delivery d join wechat.account_move m on m.app_id = d.app_id
    where d.id = old.delivery_id and m.side = 'source' and m.phase in ('copying', 'held', 'closed')
    on conflict do nothing;
  end if;
  return null;
end
$$;
comment on function wechat.note_change is 'Notes that a message which may have been copied has changed';

create function wechat.guard_move(of_app_id text, guard text) returns void
language plpgsql as $$
declare
  suffix text := left(md5(of_app_id), 16);
begin
  case guard
    when 'change' then
      execute format(
        'create or replace trigger move_change_%s after update on wechat.inbound_message for each row
         when (old.app_id = %L and old.settled_at is not null) execute function wechat.note_change()', suffix, of_app_id);
      execute format(
        'create or replace trigger move_change_%s after update on wechat.delivery_attempt for each row
         execute function wechat.note_change()', suffix);
    when 'claim' then
      execute format(
        'create or replace trigger move_claim_%s before update on wechat.lane for each row
         when (new.app_id = %L and old.claim is null and new.claim is not null) execute function wechat.guard_claim()',
        suffix, of_app_id);
    when 'arrival' then
      execute format(
        'create or replace trigger move_arrival_%s before insert on wechat.inbound_message for each row
         when (new.app_id = %L) execute function wechat.guard_arrival()', suffix, of_app_id);
  end case;
end
$$;
comment on function wechat.guard_move is
  'Adds the trigger of an account that moves: change (what is copied is noted when it changes), claim (no lane is claimed while the account is held) or arrival (no push is stored while it is refused)';

create function wechat.drop_guard(of_app_id text, guard text) returns void
language plpgsql as $$
declare
  suffix text := left(md5(of_app_id), 16);
begin
  case guard
    when 'change' then
      execute format('drop trigger if exists move_change_%s on wechat.inbound_message', suffix);
      execute format('drop trigger if exists move_change_%s on wechat.delivery_attempt', suffix);
    when 'claim' then execute format('drop trigger if exists move_claim_%s on wechat.lane', suffix);
    when 'arrival' then execute format('drop trigger if exists move_arrival_%s on wechat.inbound_message', suffix);
  end case;
end
$$;
comment on function wechat.drop_guard is 'Takes a trigger of guard_move away. One that is left behind does nothing: it looks at account_move';

-- Altering a sequence locks it against nextval until the commit: so nobody draws a number of the block.
create function wechat.reserve_ids(of_table regclass, numbers bigint) returns bigint
language plpgsql as $$
declare
  sequence text := pg_get_serial_sequence(of_table::text, 'id');
  before bigint;
begin
  execute format('alter sequence %s no cycle', sequence);
  execute format('select last_value from %s', sequence) into before;
  execute format('alter sequence %s restart with %s', sequence, before + numbers + 1);
  return before;
end
$$;
comment on function wechat.reserve_ids is 'Keeps so many ids of a table for rows of another database; returns the one before the first';

revoke execute on function
  wechat.guard_move(text, text), wechat.drop_guard(text, text), wechat.reserve_ids(regclass, bigint)
from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'wechat_analyst') then
    grant select on wechat.account_move, wechat.account_move_change to wechat_analyst;
  end if;
  if exists (select from pg_roles where rolname = 'wechat_operator') then
    grant select on wechat.account_move, wechat.account_move_change to wechat_operator;
  end if;
exception
  when insufficient_privilege then
    raise notice 'wechat_operator and wechat_analyst were not granted account_move: %', sqlerrm;
end
$$;
