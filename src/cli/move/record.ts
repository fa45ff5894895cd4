import type { Pool, PoolClient } from 'pg';
import { advisoryLocks, lockClass } from '../../db/locks.js';
import { MoveError } from './move-error.js';
import type { Sides } from './sides.js';

export type SourcePhase = 'copying' | 'held' | 'closed' | 'left' | 'gone';
export type TargetPhase = 'filling' | 'open' | 'refused' | 'gone';

/** What is added to the ids of the source. */
export interface Offsets {
  message: string;
  delivery: string;
  call: string;
  handover: string;
}

interface Common {
  moveId: string;
  peer: string;
  offsets: Offsets;
  /** The last id of the target's messages that is kept for the source's. */
  blockEnds: string;
  /** Settled messages from before stay; undefined: all go along. */
  historySince: Date | undefined;
  copiedUpTo: string;
  /** Transactions that copied to the target; at the source, how many of them it knows of. */
  copies: string;
  changedAt: Date;
}

/** The row of `wechat.account_move` in one of the databases. */
export type MoveRecord = Common &
  ({ side: 'source'; phase: SourcePhase } | { side: 'target'; phase: TargetPhase });

interface Row {
  move_id: string;
  side: 'source' | 'target';
  phase: string;
  peer: string;
  message_offset: string;
  delivery_offset: string;
  call_offset: string;
  handover_offset: string;
  block_ends: string;
  history_since: Date | null;
  copied_up_to: string;
  copies: string;
  changed_at: Date;
}

export type Queryable = Pick<Pool | PoolClient, 'query'>;

export async function readRecord(database: Queryable, appId: string): Promise<MoveRecord | undefined> {
  const { rows } = await database.query<Row>('select * from wechat.account_move where app_id = $1', [appId]);
  const [row] = rows;
  if (!row) return undefined;
  const { message_offset, delivery_offset, call_offset, handover_offset } = row;
  const offsets = {
    message: message_offset,
    delivery: delivery_offset,
    call: call_offset,
    handover: handover_offset,
  };
  const common = {
    moveId: row.move_id,
    peer: row.peer,
    offsets,
    blockEnds: row.block_ends,
    historySince: row.history_since ?? undefined,
    copiedUpTo: row.copied_up_to,
    copies: row.copies,
    changedAt: row.changed_at,
  };
  // The table's CHECK says which phases each side may have.
  return row.side === 'source'
    ? { ...common, side: 'source', phase: row.phase as SourcePhase }
    : { ...common, side: 'target', phase: row.phase as TargetPhase };
}

/** Begins the record of a move in one of the databases, in place of an earlier one's. */
export async function startRecord(
  client: PoolClient,
  appId: string,
  {
    side,
    moveId,
    peer,
    offsets,
    blockEnds,
    historySince,
  }: Pick<Common, 'moveId' | 'peer' | 'offsets' | 'blockEnds' | 'historySince'> & Pick<MoveRecord, 'side'>,
): Promise<void> {
  const { message, delivery, call, handover } = offsets;
  await client.query(startSql, [
    ...[appId, moveId, side, side === 'source' ? 'copying' : 'filling', peer],
    ...[message, delivery, call, handover, blockEnds, historySince ?? null],
  ]);
}

const startSql = `
  insert into wechat.account_move (app_id, move_id, side, phase, peer, message_offset, delivery_offset, call_offset,
    handover_offset, block_ends, history_since)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  on conflict (app_id) do update
  set move_id = excluded.move_id, side = excluded.side, phase = excluded.phase, peer = excluded.peer,
      message_offset = excluded.message_offset, delivery_offset = excluded.delivery_offset,
      call_offset = excluded.call_offset, handover_offset = excluded.handover_offset, block_ends = excluded.block_ends,
      history_since = excluded.history_since, copied_up_to = 0, copies = 0, pause_before = null,
      started_at = now(), changed_at = now()`;

/** Alone with the phase, until the end of the transaction: see wechat.await_moves. Tables are locked before, never after. */
export async function lockPhases(client: PoolClient): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1, $2)', [lockClass, advisoryLocks.accountMove]);
}

/**
 * Comes first in each transaction that copies or deletes: until its commit the phase stays what it is.
 *
 * @throws MoveError where the move is not in this phase any more: another command was here, or the database lost commits
 */
export async function requirePhase(
  client: Queryable,
  { appId, alone, words }: Pick<Sides, 'appId' | 'alone' | 'words'>,
  { moveId }: Pick<MoveRecord, 'moveId'>,
  phase: SourcePhase | TargetPhase,
): Promise<void> {
  alone();
  const { rows } = await client.query(
    'select from wechat.account_move where app_id = $1 and move_id = $2 and phase = $3 for share',
    [appId, moveId, phase],
  );
  if (rows.length === 0) throw new MoveError(words.notAnyMore(appId, phase));
}

/** @throws MoveError where the record is not in one of these phases any more: another command was here */
export async function changePhase(
  client: PoolClient,
  appId: string,
  { from, to }: { from: readonly (SourcePhase | TargetPhase)[]; to: SourcePhase | TargetPhase },
): Promise<void> {
  const { rowCount } = await client.query(
    `update wechat.account_move set phase = $3, changed_at = now() where app_id = $1 and phase = any($2::text[])`,
    [appId, from, to],
  );
  if (rowCount !== 1) throw new MoveError(`the move of ${appId} is not ${from.join(' or ')} any more`);
  await client.query('select wechat.record_action($1, $2, jsonb_build_object($3::text, $4::text), 1)', [
    'move_account',
    appId,
    'phase',
    to,
  ]);
}
