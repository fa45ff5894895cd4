import type { PoolClient } from 'pg';
import type { Pool } from '../../db/pool.js';
import { inTransaction } from '../../db/transaction.js';
import { dropMessages } from './copy-messages.js';
import { changePhase, lockPhases, type MoveRecord, requirePhase } from './record.js';
import { inTransactionWithTries, type Sides } from './sides.js';
import { ofAccount } from './tables.js';

const batch = 500;

/** What the account keeps in a database that it has left; the tokens too. */
const kept = [...ofAccount.map(({ name }) => name), 'lane', 'credential'];

/** Takes away what the target has, and nothing else, as long as the target works. */
export async function clearSource(sides: Sides, record: MoveRecord): Promise<void> {
  const { offsets } = record;
  const { appId, source, target, say, words } = sides;
  let cleared = 0;
  for (let after = '0'; ; ) {
    const ids = await idsAfter(source, appId, { after, upTo: undefined });
    const last = ids.at(-1);
    if (last === undefined) break;
    await requirePhase(target, sides, record, 'open');
    const { rows } = await target.query<{ id: string }>(
      `select (m.id - $2::bigint) as id from wechat.inbound_message m
       where m.app_id = $3 and m.id = any(array(select one.id + $2::bigint from unnest($1::bigint[]) one (id)))`,
      [ids, offsets.message, appId],
    );
    await inTransactionWithTries(source, async (client) => {
      await requirePhase(client, sides, record, 'left');
      await dropMessages(
        client,
        appId,
        rows.map(({ id }) => id),
      );
    });
    cleared += rows.length;
    if (cleared > 0 && cleared % (batch * 20) === 0) say(words.cleared(cleared));
    after = last;
  }
  await requirePhase(target, sides, record, 'open');
  await inTransactionWithTries(source, async (client) => {
    await dropKept(client, appId);
    await lockPhases(client);
    await changePhase(client, appId, { from: ['left'], to: 'gone' });
    await client.query('delete from wechat.account_pause where app_id = $1', [appId]);
    await client.query('delete from wechat.account_move_change where app_id = $1', [appId]);
  });
  await dropGuards(source, appId);
}

/** Ids of the account's messages, in order, so many at once. */
export async function idsAfter(
  database: Pool,
  appId: string,
  { after, upTo }: { after: string; upTo: string | undefined },
): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    `select m.id from wechat.inbound_message m
     where m.app_id = $1 and m.id > $2 and ($3::bigint is null or m.id <= $3) order by m.id limit ${batch}`,
    [appId, after, upTo ?? null],
  );
  return rows.map(({ id }) => id);
}

export async function dropKept(client: PoolClient, appId: string): Promise<void> {
  for (const name of kept) await client.query(`delete from wechat.${name} where app_id = $1`, [appId]);
}

/**
 * Triggers that have nothing to keep any more. To take one away waits for all who read the table, and they for it: where it cannot be
 * had at once it stays, and does nothing.
 */
export async function dropGuards(database: Pool, appId: string): Promise<void> {
  for (const guard of ['change', 'claim']) {
    await inTransaction(database, 'begin', async (client) => {
      await client.query(`set local lock_timeout = '200ms'`);
      await client.query('select wechat.drop_guard($1, $2)', [appId, guard]);
    }).catch(() => undefined);
  }
}
