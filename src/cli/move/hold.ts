import { setTimeout as sleep } from 'node:timers/promises';
import { credentialLock } from '../../db/locks.js';
import type { Pool } from '../../db/pool.js';
import { MoveError } from './move-error.js';
import { rest } from './prepare.js';
import { changePhase, lockPhases } from './record.js';
import { inTransactionWithTries, type Sides, TryAgainError } from './sides.js';

const pollMs = 250;
const sayEveryMs = 5_000;

/**
 * From the commit on no lane of the account is claimed at the source, and no operator or agent changes anything. The trigger's lock
 * on the lanes waits for every claim that began before.
 */
export async function hold({ appId, source }: Sides): Promise<void> {
  await inTransactionWithTries(source, async (client) => {
    await client.query(`select wechat.guard_move($1, 'claim')`, [appId]);
    await lockPhases(client);
    await client.query(
      `update wechat.account_move m set pause_before = (select to_jsonb(p) from wechat.account_pause p where p.app_id = m.app_id)
       where m.app_id = $1`,
      [appId],
    );
    await rest(client, appId);
    await changePhase(client, appId, { from: ['copying'], to: 'held' });
  });
}

/** Until no worker has a lane of the account in hand: what it sends right now it sends to the end. */
export async function awaitLanes({ appId, words, say }: Sides, database: Pool): Promise<void> {
  for (let saidAt = performance.now(); ; ) {
    const { rows } = await database.query<{ lanes: number }>(
      'select count(*)::int as lanes from wechat.lane where app_id = $1 and claim is not null',
      [appId],
    );
    const lanes = rows[0]?.lanes ?? 0;
    if (lanes === 0) return;
    if (performance.now() - saidAt >= sayEveryMs) {
      say(words.inHand(lanes));
      saidAt = performance.now();
    }
    await sleep(pollMs);
  }
}

/** Pushes that were under way when the router changed come to the source for some seconds; then nothing more may come. */
const quietMs = 1_500;
const longestMs = 30_000;

/** @throws MoveError where pushes go on coming to the source: the router was not switched */
export async function awaitQuiet({ appId, source, words }: Sides): Promise<void> {
  const startedAt = performance.now();
  let latest = await latestArrival(source, appId);
  for (let changedAt = startedAt; performance.now() - changedAt < quietMs; ) {
    if (performance.now() - startedAt > longestMs) throw new MoveError(words.notSwitched(appId));
    await sleep(pollMs);
    const seen = await latestArrival(source, appId);
    if (seen !== latest) changedAt = performance.now();
    latest = seen;
  }
}

async function latestArrival(source: Pool, appId: string): Promise<string | null> {
  const { rows } = await source.query<{ id: string | null }>(
    `select max(m.id) as id from wechat.inbound_message m
     where m.app_id = $1 and m.id > (select copied_up_to from wechat.account_move where app_id = $1)`,
    [appId],
  );
  return rows[0]?.id ?? null;
}

/**
 * From the commit on the source stores no push of the account, accepts no answer of a back end, and renews no token. The trigger's
 * lock on the messages waits for every push that is being stored; the credentials' own locks, for whoever asks for a renewal.
 */
export async function close({ appId, source, words }: Sides): Promise<void> {
  await inTransactionWithTries(source, async (client) => {
    for (const kind of ['access_token', 'jsapi_ticket'])
      await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
        credentialLock(kind, appId),
      ]);
    const { rows } = await client.query(
      'select from wechat.credential where app_id = $1 and renewing_until > clock_timestamp()',
      [appId],
    );
    if (rows.length > 0) {
      await sleep(pollMs);
      throw new TryAgainError(words.renewing);
    }
    await client.query(`select wechat.guard_move($1, 'arrival')`, [appId]);
    await lockPhases(client);
    await changePhase(client, appId, { from: ['held'], to: 'closed' });
  });
}
