import type { Pool } from '../../db/pool.js';
import { localTime } from '../terminal/format.js';
import type { Words } from '../words/index.js';
import { type MoveRecord, readRecord } from './record.js';

export interface SideStatus {
  name: string;
  record: MoveRecord | undefined;
  /** Conversations with messages that are not answered, and those that a worker has in hand. */
  lanes: number;
  inHand: number;
  /** Messages that are to be copied again. */
  noted: number;
}

export async function readStatus(name: string, database: Pool, appId: string): Promise<SideStatus> {
  const { rows } = await database.query<{ lanes: number; in_hand: number; noted: number }>(
    `select (select count(*)::int from wechat.lane where app_id = $1) as lanes,
       (select count(*)::int from wechat.lane where app_id = $1 and claim is not null) as in_hand,
       (select count(*)::int from wechat.account_move_change where app_id = $1) as noted`,
    [appId],
  );
  const { lanes = 0, in_hand: inHand = 0, noted = 0 } = rows[0] ?? {};
  return { name, record: await readRecord(database, appId), lanes, inHand, noted };
}

export function describeStatus({ name, record, lanes, inHand, noted }: SideStatus, words: Words): string {
  const { move } = words.commands;
  const phase = record
    ? move.status.phase(record.side, record.phase, localTime(record.changedAt), record.peer)
    : move.status.none;
  return `${name}: ${phase}; ${move.status.lanes(lanes, inHand)}${noted > 0 ? `; ${move.status.noted(noted)}` : ''}`;
}
