import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { MoveError } from './move-error.js';
import { lockPhases, type MoveRecord, readRecord, startRecord } from './record.js';
import { type FreeSides, inTransactionWithTries, type Sides } from './sides.js';

/** How many ids are kept for what still comes to the source: a hundred days of a thousand messages a second. */
const headroom = 10_000_000_000n;

const pauseText = 'wechat-outbox move-account';

/** @throws MoveError where the two are not of the same version */
export async function checkVersions({ source, target, words }: FreeSides): Promise<void> {
  const read = async (pool: Sides['source']) => {
    const { rows } = await pool.query<{ there: boolean }>(
      `select to_regclass('wechat.account_move') is not null as there`,
    );
    if (!rows[0]?.there) return undefined;
    const { rows: applied } = await pool.query<{ names: string }>(
      `select string_agg(name, ' ' order by name) as names from wechat.schema_migration`,
    );
    return applied[0]?.names;
  };
  const [atSource, atTarget] = await Promise.all([read(source), read(target)]);
  if (atSource === undefined || atSource !== atTarget) throw new MoveError(words.otherVersion);
}

/** Rules belong to a deployment, not to an account: they do not move. @returns names whose texts in force differ */
export async function differingRules({ source, target }: Sides): Promise<string[]> {
  const read = async (pool: Sides['source']) => {
    const { rows } = await pool.query<{ name: string; text: string }>(
      'select distinct on (name) name, text from wechat.rules_version order by name, id desc',
    );
    return new Map(rows.map(({ name, text }) => [name, text]));
  };
  const [atSource, atTarget] = await Promise.all([read(source), read(target)]);
  return [...atSource].filter(([name, text]) => atTarget.get(name) !== text).map(([name]) => name);
}

/**
 * Has the target store what comes for the account and wait, and keeps ids for what the source has. From here on the target
 * works for it only when it is opened.
 */
export async function prepareTarget(sides: Sides, historySince: Date | undefined): Promise<MoveRecord> {
  const { appId, source, target, names } = sides;
  const { rows } = await source.query<Record<'message' | 'delivery' | 'call' | 'handover', string>>(
    `select (select last_value from wechat.inbound_message_id_seq) as message,
       (select last_value from wechat.delivery_id_seq) as delivery,
       (select last_value from wechat.model_call_id_seq) as call,
       (select last_value from wechat.handover_history_id_seq) as handover`,
  );
  const [latest] = rows;
  if (!latest) throw new Error('the sequences of the source gave no row');

  await inTransactionWithTries(target, async (client) => {
    await client.query(`select wechat.guard_move($1, 'claim')`, [appId]);
    await lockPhases(client);
    const reserved = await client.query<Record<keyof typeof latest, string>>(
      `select wechat.reserve_ids('wechat.inbound_message', $1) as message, wechat.reserve_ids('wechat.delivery', $2) as delivery,
         wechat.reserve_ids('wechat.model_call', $3) as call, wechat.reserve_ids('wechat.handover_history', $4) as handover`,
      [latest.message, latest.delivery, latest.call, latest.handover].map((id) =>
        (BigInt(id) + headroom).toString(),
      ),
    );
    const [offsets] = reserved.rows;
    if (!offsets) throw new Error('wechat.reserve_ids gave no row');
    await rest(client, appId);
    const blockEnds = BigInt(offsets.message) + BigInt(latest.message) + headroom;
    await startRecord(client, appId, {
      ...{ side: 'target', moveId: randomUUID(), peer: names.source },
      ...{ offsets, blockEnds: blockEnds.toString(), historySince },
    });
  });
  const record = await readRecord(target, appId);
  if (!record) throw new MoveError(`the move of ${appId} has gone from the target`);
  return record;
}

/** The pause that tells workers to leave the account's lanes alone; a trigger keeps it as long as the account is held. */
export async function rest(client: PoolClient, appId: string): Promise<void> {
  await client.query('delete from wechat.account_pause where app_id = $1', [appId]);
  await client.query(
    `insert into wechat.account_pause (app_id, reason, errmsg) values ($1, 'operator', $2)`,
    [appId, pauseText],
  );
}

/** Has the source note what changes of what is copied. It works as ever. */
export async function prepareSource(sides: Sides, at: MoveRecord): Promise<MoveRecord> {
  const { appId, source, names } = sides;
  await inTransactionWithTries(source, async (client) => {
    await client.query(`select wechat.guard_move($1, 'change')`, [appId]);
    await client.query('delete from wechat.account_move_change where app_id = $1', [appId]);
    await startRecord(client, appId, { ...at, side: 'source', peer: names.target });
  });
  const record = await readRecord(source, appId);
  if (!record) throw new MoveError(`the move of ${appId} has gone from the source`);
  return record;
}
