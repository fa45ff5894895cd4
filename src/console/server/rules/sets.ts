import type { RuleSet, RuleSetView, RuleVersion } from '../../contract/rules.js';
import { notFound } from '../http/refusal.js';
import type { Statements } from '../http/transaction.js';

/** More than anybody goes back to. */
const mostVersions = 100;

const columns = 'v.id, v.created_at as "at", v.operator as "by", v.origin, v.note';

interface VersionRow extends Omit<RuleVersion, 'at'> {
  name: string;
  at: Date;
}

/** @param used names that REPLIES has, for one account at least */
export async function listSets(statements: Statements, used: ReadonlySet<string>): Promise<RuleSet[]> {
  const { rows } = await statements.query<VersionRow>(
    `select distinct on (v.name) v.name, ${columns} from wechat.rules_version v order by v.name, v.id desc`,
  );
  const versions = new Map(rows.map((row) => [row.name, versionOf(row)]));
  const names = [...new Set([...used, ...versions.keys()])].sort();
  return names.map((name) => ({ name, used: used.has(name), version: versions.get(name) ?? null }));
}

/** @throws Refusal where REPLIES does not name it and it has no version */
export async function readSet(
  statements: Statements,
  name: string,
  used: ReadonlySet<string>,
): Promise<RuleSetView> {
  const { rows } = await statements.query<VersionRow & { text: string | null }>(
    `select v.name, ${columns}, case when row_number() over (order by v.id desc) = 1 then v.text end as text
     from wechat.rules_version v where v.name = $1 order by v.id desc limit ${mostVersions}`,
    [name],
  );
  const [newest] = rows;
  if (!newest && !used.has(name)) throw notFound();
  return {
    ...{ name, used: used.has(name), text: newest?.text ?? '' },
    version: newest ? versionOf(newest) : null,
    versions: rows.map(versionOf),
  };
}

export async function newestVersion(statements: Statements, name: string): Promise<RuleVersion | undefined> {
  const { rows } = await statements.query<VersionRow>(
    `select v.name, ${columns} from wechat.rules_version v where v.name = $1 order by v.id desc limit 1`,
    [name],
  );
  const [row] = rows;
  return row && versionOf(row);
}

/** @throws Refusal where these rules have no such version */
export async function readText(statements: Statements, name: string, id: string): Promise<string> {
  const { rows } = await statements.query<{ text: string }>(
    'select text from wechat.rules_version where name = $1 and id = $2',
    [name, id],
  );
  const [row] = rows;
  if (!row) throw notFound();
  return row.text;
}

function versionOf({ id, at, by, origin, note }: VersionRow): RuleVersion {
  return { id, at: at.toISOString(), by, origin, note };
}
