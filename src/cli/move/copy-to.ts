import type { PoolClient } from 'pg';
import { MoveError } from './move-error.js';
import type { MoveRecord, Queryable } from './record.js';
import { inTransactionWithTries, type Sides } from './sides.js';

/**
 * A transaction that copies to the target. It is counted there, and then at the source: a target that has counted fewer than the
 * source knows of has lost its last commits, and copies with them.
 *
 * @param from the source; what is read and noted there may be part of a transaction
 * @throws MoveError where copies were lost, or the target is not being filled any more
 */
export async function copyTo(
  sides: Sides,
  { from, record }: { from: Queryable; record: Pick<MoveRecord, 'moveId'> },
  run: (at: PoolClient) => Promise<void>,
): Promise<void> {
  const { appId, target, words } = sides;
  const known = await knownCopies(from, appId);
  const counted = await inTransactionWithTries(target, async (at) => {
    sides.alone();
    // Until the commit the phase stays what it is.
    const { rows } = await at.query<{ copies: string }>(
      `update wechat.account_move set copies = copies + 1
       where app_id = $1 and move_id = $2 and phase = 'filling' returning copies`,
      [appId, record.moveId],
    );
    const copies = rows[0]?.copies;
    if (copies === undefined) throw new MoveError(words.notAnyMore(appId, 'filling'));
    if (BigInt(copies) <= BigInt(known)) throw new MoveError(words.copiesLost);
    await run(at);
    return copies;
  });
  await from.query('update wechat.account_move set copies = $2 where app_id = $1', [appId, counted]);
}

export async function knownCopies(from: Queryable, appId: string): Promise<string> {
  const { rows } = await from.query<{ copies: string }>(
    'select copies from wechat.account_move where app_id = $1',
    [appId],
  );
  return rows[0]?.copies ?? '0';
}
