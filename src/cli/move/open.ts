import type { PoolClient } from 'pg';
import { knownCopies } from './copy-to.js';
import { MoveError } from './move-error.js';
import { changePhase, lockPhases, type MoveRecord } from './record.js';
import { openIds } from './rounds.js';
import { inTransactionWithTries, type Sides } from './sides.js';

/** What the target is given with the same commit that lets it work. */
interface Handed {
  lanes: string;
  credentials: string;
  pause: string | null;
}

/**
 * Lets the target work for the account: with this commit, and no other, the account is there. What was copied is looked at once
 * more before.
 *
 * @throws MoveError where the target lacks what the source has not answered yet, or lost copies
 */
export async function openTarget(sides: Sides, record: MoveRecord): Promise<void> {
  const { appId, source, target, words } = sides;
  const [ids, known] = [await openIds(sides), await knownCopies(source, appId)];
  const { rows } = await source.query<Handed>(
    `select
       (select coalesce(json_agg(l), '[]')::text from wechat.lane l where l.app_id = $1) as lanes,
       (select coalesce(json_agg(c), '[]')::text from wechat.credential c where c.app_id = $1 and c.value <> '') as credentials,
       (select m.pause_before::text from wechat.account_move m where m.app_id = $1) as pause`,
    [appId],
  );
  const [handed] = rows;
  if (!handed) throw new Error('the source gave no row');
  await inTransactionWithTries(target, async (client) => {
    await lockPhases(client);
    await changePhase(client, appId, { from: ['filling'], to: 'open' });
    if (BigInt(await knownCopies(client, appId)) < BigInt(known)) throw new MoveError(words.copiesLost);
    const missing = await countMissing(client, record, ids);
    if (missing > 0) throw new MoveError(words.missing(missing));
    await client.query('delete from wechat.account_pause where app_id = $1', [appId]);
    await addLanes(client, record, handed.lanes);
    await addCredentials(client, appId, handed.credentials);
    if (handed.pause !== null) await addPause(client, handed.pause);
    await ring(client, appId);
  });
}

async function countMissing(
  client: PoolClient,
  { offsets }: MoveRecord,
  ids: readonly string[],
): Promise<number> {
  const { rows } = await client.query<{ missing: number }>(
    `select count(*)::int as missing from unnest($1::bigint[]) one (id)
     where not exists (select from wechat.inbound_message m where m.id = one.id + $2::bigint)`,
    [ids, offsets.message],
  );
  return rows[0]?.missing ?? 0;
}

/** Who wrote to both sides has a lane already; the source's messages come first in it, for their ids are lower. */
async function addLanes(client: PoolClient, { offsets }: MoveRecord, lanes: string): Promise<void> {
  await client.query(
    `insert into wechat.lane as l (app_id, openid, slot, arrivals, waiting, waiting_since, done_id, urgent_until, due_at, failures,
       crashes, error, hushed)
     select r.app_id, r.openid, r.slot, r.arrivals, r.waiting, r.waiting_since, r.done_id + $2::bigint, r.urgent_until, r.due_at,
       r.failures, r.crashes, r.error, r.hushed
     from json_populate_recordset(null::wechat.lane, $1::json) r
     order by r.app_id, r.openid, r.slot
     on conflict (app_id, openid, slot) do update
     set arrivals = l.arrivals + excluded.arrivals, waiting = l.waiting + excluded.waiting,
         waiting_since = least(l.waiting_since, excluded.waiting_since), done_id = least(l.done_id, excluded.done_id),
         urgent_until = greatest(l.urgent_until, excluded.urgent_until), due_at = excluded.due_at,
         failures = excluded.failures, crashes = excluded.crashes, error = excluded.error, hushed = excluded.hushed`,
    [lanes, offsets.message],
  );
}

/** The source renews no more, so these are the latest. */
async function addCredentials(client: PoolClient, appId: string, credentials: string): Promise<void> {
  await client.query('delete from wechat.credential where app_id = $1', [appId]);
  await client.query(
    `insert into wechat.credential (app_id, kind, value, expires_at, version, refreshed_at, forced_at, forced_that_day)
     select app_id, kind, value, expires_at, version, refreshed_at, forced_at, forced_that_day
     from json_populate_recordset(null::wechat.credential, $1::json)`,
    [credentials],
  );
}

/** As it was before the move; its probe begins anew, for it named lanes by the ids of the other side. */
export async function addPause(client: PoolClient, pause: string): Promise<void> {
  await client.query(
    `insert into wechat.account_pause (app_id, reason, errcode, errmsg, paused_at, probe_at)
     select app_id, reason, errcode, errmsg, paused_at, probe_at
     from json_populate_record(null::wechat.account_pause, $1::json)`,
    [pause],
  );
}

/** For all lanes of the account, those that are due later too: jobs do not move. */
export async function ring(client: PoolClient, appId: string): Promise<void> {
  await client.query(
    `select wechat.ring(array_agg(l.id), array_agg(coalesce(l.urgent_until > now(), false)), array_agg(greatest(l.due_at, now())))
     from wechat.lane l where l.app_id = $1 and l.claim is null having count(*) > 0`,
    [appId],
  );
}
