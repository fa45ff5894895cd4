import { createPool, type Pool } from '#src/db/pool.js';

/** A database in which statements take their time at the worst moments, and which keeps its own record of what happened. */
export interface Arena {
  url: string;
  /** For looking on, and for what is not on trial. */
  pool: Pool;
  counts: Counts;
  /** Notes that an invariant is broken. */
  violate(what: string): void;
  violations: ReadonlySet<string>;
  random: () => number;
  close(): Promise<void>;
}

export type Counts = Record<
  | 'stored'
  | 'duplicates'
  | 'claims'
  | 'looks'
  | 'busy'
  | 'planned'
  | 'calls'
  | 'settled'
  | 'gathered'
  | 'merged'
  | 'kept'
  | 'released'
  | 'refused'
  | 'buried'
  | 'rescued'
  | 'requeued'
  | 'cancelled'
  | 'heldBack'
  | 'sent'
  | 'forgotten'
  | 'taken'
  | 'handedBack'
  | 'agentSent'
  | 'entrusted'
  | 'pauses'
  | 'rolledBack'
  | 'triedAgain'
  | 'deadlocks'
  | 'snapshots',
  number
>;

/** `merging` is ordered, too: what its users send within `mergeWithinMs` is answered at once. */
export const accounts = { ordered: 'wx-ordered', merging: 'wx-merging', unordered: 'wx-unordered' } as const;
export const mergeWithinMs = 200;

export function anyAccount(random: () => number): string {
  if (random() < 0.3) return accounts.unordered;
  return random() < 0.5 ? accounts.ordered : accounts.merging;
}

/**
 * - `nap` sleeps now and then: called behind snapshots (connection.ts), in row triggers, and at the commit.
 * - `arrived` keeps when each message was committed and in which order; it is never updated, so its xmin stays.
 * - `closing` has a row for each time that a message was settled or opened, numbered under the lane's lock.
 * - `check_silence` looks at every plan and at every message that is left to a person, by a snapshot of its own.
 * - `check_fence` looks at every write of a worker: its lane must be held by one of the claims that its session names.
 */
const arenaSql = `
  create schema stress;
  create function stress.nap() returns boolean language plpgsql as $$
  begin
    if random() < 0.1 then perform pg_sleep(random() * 0.01); end if;
    return true;
  end $$;

  create table stress.arrived (id bigint primary key, app_id text, openid text, slot text);
  create table stress.closing (
    n bigint generated always as identity primary key, message_id bigint, is_settled boolean, by text);
  create table stress.breach (what text);

  create function stress.on_arrival() returns trigger language plpgsql as $$
  begin
    insert into stress.arrived values (new.id, new.app_id, new.openid, new.slot);
    return new;
  end $$;
  create trigger arrival after insert on wechat.inbound_message for each row execute function stress.on_arrival();

  create function stress.claims() returns text[] language sql as
    $$ select nullif(string_to_array(current_setting('stress.claims', true), ','), '{}') $$;
  create function stress.check_fence(what text, of_message_id bigint) returns void language plpgsql as $$
  begin
    if stress.claims() is not null and not exists (
      select from wechat.inbound_message m
      join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
      where m.id = of_message_id and l.claim::text = any(stress.claims()))
    then
      insert into stress.breach values (what || ' of message ' || of_message_id);
    end if;
  end $$;

  create function stress.check_silence(what text, of_app_id text, of_openid text, is_silent boolean) returns void
  language plpgsql as $$
  begin
    if is_silent <> exists (
      select from wechat.handover h
      where h.app_id = of_app_id and h.openid = of_openid and (is_silent or h.pending = 'cancel'))
    then
      insert into stress.breach values (what || ' of ' || of_openid || case when is_silent then ', whom nobody had' else ', who was taken' end);
    end if;
  end $$;

  create function stress.on_closing() returns trigger language plpgsql as $$
  begin
    if (old.settled_at is null) <> (new.settled_at is null) then
      insert into stress.closing (message_id, is_settled, by)
      values (new.id, new.settled_at is not null, case when stress.claims() is null then 'operator' else 'worker' end);
      perform stress.check_fence('settlement', new.id);
    end if;
    if new.for_agent and not old.for_agent then
      perform stress.check_silence('message', new.app_id, new.openid, true);
    end if;
    return new;
  end $$;
  create trigger closing before update on wechat.inbound_message for each row execute function stress.on_closing();

  create function stress.on_delivery() returns trigger language plpgsql as $$
  begin
    if tg_op = 'INSERT' then
      perform stress.check_fence('plan', new.message_id);
      if new.origin = 'reply' and new.app_id <> '${accounts.unordered}' then
        perform stress.check_silence('plan', new.app_id, new.openid, false);
      end if;
    elsif new.attempts > old.attempts then perform stress.check_fence('begin', new.message_id);
    end if;
    return new;
  end $$;
  create trigger delivery before insert or update on wechat.delivery for each row execute function stress.on_delivery();

  create function stress.on_row() returns trigger language plpgsql as $$
  begin
    perform stress.nap();
    return coalesce(new, old);
  end $$;
  create trigger nap before insert or update or delete on wechat.lane for each row execute function stress.on_row();
  create trigger nap before insert or update on wechat.inbound_message for each row execute function stress.on_row();
  create constraint trigger nap_at_commit after insert or update or delete on wechat.lane
    deferrable initially deferred for each row execute function stress.on_row();
  create constraint trigger nap_at_commit after insert or update on wechat.inbound_message
    deferrable initially deferred for each row execute function stress.on_row();`;

export async function openArena(url: string, random: () => number): Promise<Arena> {
  const pool = createPool({
    connectionString: url,
    name: 'stress',
    max: 6,
    statementTimeoutMs: 60_000,
    onError: () => undefined,
  });
  await pool.query(arenaSql);
  const violations = new Set<string>();
  return {
    url,
    pool,
    random,
    violations,
    violate: (what) => void violations.add(what),
    counts: {
      stored: 0,
      duplicates: 0,
      claims: 0,
      looks: 0,
      busy: 0,
      planned: 0,
      calls: 0,
      settled: 0,
      gathered: 0,
      merged: 0,
      kept: 0,
      released: 0,
      refused: 0,
      buried: 0,
      rescued: 0,
      requeued: 0,
      cancelled: 0,
      heldBack: 0,
      sent: 0,
      forgotten: 0,
      taken: 0,
      handedBack: 0,
      agentSent: 0,
      entrusted: 0,
      pauses: 0,
      rolledBack: 0,
      triedAgain: 0,
      deadlocks: 0,
      snapshots: 0,
    },
    close: () => pool.end(),
  };
}
