import type { Pool } from '../../db/pool.js';

export type RulesOrigin = 'file' | 'console' | 'cli';

/** A text that was put in force, with who did it. */
export interface RulesVersion {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly origin: RulesOrigin;
  readonly operator: string;
  readonly note: string | undefined;
  readonly createdAt: Date;
}

interface Row {
  id: string;
  name: string;
  text: string;
  origin: RulesOrigin;
  operator: string;
  note: string | null;
  created_at: Date;
}

const columns = 'v.id, v.name, v.text, v.origin, v.operator, v.note, v.created_at';

/** The one in force, if it is later than `afterId`: nothing is read where nothing has changed. */
export function readInForce(pool: Pool, name: string, afterId = '0'): Promise<RulesVersion | undefined> {
  return readOne(
    pool,
    `select ${columns} from wechat.rules_version v where v.name = $1 and v.id > $2 order by v.id desc limit 1`,
    [name, afterId],
  );
}

function readLatestOfFile(pool: Pool, name: string): Promise<RulesVersion | undefined> {
  return readOne(
    pool,
    `select ${columns} from wechat.rules_version v
     where v.name = $1 and v.origin = 'file' order by v.id desc limit 1`,
    [name],
  );
}

export function readVersion(pool: Pool, id: string): Promise<RulesVersion | undefined> {
  return readOne(pool, `select ${columns} from wechat.rules_version v where v.id = $1`, [id]);
}

async function readOne(
  pool: Pool,
  sql: string,
  values: readonly string[],
): Promise<RulesVersion | undefined> {
  const { rows } = await pool.query<Row>(sql, [...values]);
  return rows[0] && toVersion(rows[0]);
}

/** Newest first. */
export async function listVersions(
  pool: Pool,
  { name, limit }: { name: string; limit: number },
): Promise<RulesVersion[]> {
  const { rows } = await pool.query<Row>(
    `select ${columns} from wechat.rules_version v where v.name = $1 order by v.id desc limit $2`,
    [name, limit],
  );
  return rows.map(toVersion);
}

/** Of which there are versions. */
export async function listNames(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    'select distinct v.name from wechat.rules_version v order by v.name',
  );
  return rows.map(({ name }) => name);
}

function toVersion({ created_at: createdAt, note, ...row }: Row): RulesVersion {
  return { ...row, createdAt, note: note ?? undefined };
}

/** @returns the new version, or undefined where `expectedId` is not in force any more */
export async function changeRules(
  pool: Pool,
  change: { name: string; text: string; expectedId: string; note?: string | undefined; origin: RulesOrigin },
): Promise<string | undefined> {
  const { name, text, expectedId, note, origin } = change;
  const { rows } = await pool.query<{ id: string | null }>(
    'select wechat.change_rules($1, $2, $3, $4, $5) as id',
    [name, text, expectedId, note ?? null, origin],
  );
  return rows[0]?.id ?? undefined;
}

/** Puts the text of a file in force where it is not what the file said last: another text may be in force since. */
export async function takeOverFile(pool: Pool, name: string, text: string): Promise<string | undefined> {
  for (;;) {
    // Read first: what another process stores behind it, this one is told of as a conflict.
    const expectedId = (await readInForce(pool, name))?.id ?? '0';
    if ((await readLatestOfFile(pool, name))?.text === text) return undefined;
    const id = await changeRules(pool, { name, text, expectedId, origin: 'file' });
    if (id !== undefined) return id;
  }
}
