import type { ClientBase } from 'pg';
import { type InEachLanguage, say } from '../lib/language.js';
import { createPool, type Pool } from './pool.js';
import { isPooledByTransaction } from './pooling.js';

/** Something about a server that makes it impossible to work on it. */
export interface Unsuitable {
  what: 'version' | 'encoding' | 'primary' | 'pooling' | 'rights';
  found: InEachLanguage;
  /** What to do about it. */
  todo: InEachLanguage;
}

/** The server, the database or the role cannot do what the service needs, and waiting makes it no better. */
export class UnsuitableDatabaseError extends Error {
  readonly code = 'UNSUITABLE_DATABASE';
  constructor(readonly findings: readonly Unsuitable[]) {
    super(
      `The service cannot work on this database:\n${findings.map(({ what, found, todo }) => `  - ${what}: ${found.en}; ${todo.en}`).join('\n')}`,
    );
    this.name = 'UnsuitableDatabaseError';
  }
}

/** The oldest that PostgreSQL's own project still mends, and the oldest that the tests run on. */
export const oldestVersion = 15;

/**
 * Looks at all that must be so before anything is created.
 *
 * @throws UnsuitableDatabaseError with everything that is not; the database's own error when it does not answer
 */
export async function checkSuitability(
  connectionString: string,
  onError: (error: Error) => void,
): Promise<void> {
  const pool = createPool({ connectionString, name: 'check', max: 2, statementTimeoutMs: 10_000, onError });
  try {
    const findings = await findUnsuitable(pool);
    if (findings.length > 0) throw new UnsuitableDatabaseError(findings);
  } finally {
    await pool.end();
  }
}

/** @param pool of two connections at least: of one, pooling is not looked at */
export async function findUnsuitable(pool: Pool): Promise<Unsuitable[]> {
  if (pool.options.max > 1 && (await isPooledByTransaction(pool)))
    return [
      {
        what: 'pooling',
        found: say(
          'a pooler gives each transaction another connection (PgBouncer: pool_mode = transaction or statement)',
          '连接池给每个事务换一个连接（PgBouncer：pool_mode = transaction 或 statement）',
        ),
        todo: say(
          'connect directly, or with pool_mode = session: LISTEN and the locks of a session do not survive it',
          '直接连接，或用 pool_mode = session：否则 LISTEN 和会话级锁会失效',
        ),
      },
    ];
  const client = await pool.connect();
  try {
    return [...(await checkServer(client)), ...(await checkRights(client))];
  } finally {
    client.release();
  }
}

async function checkServer(client: ClientBase): Promise<Unsuitable[]> {
  const { rows } = await client.query<{
    version: string;
    number: number;
    encoding: string;
    database: string;
    standby: boolean;
    read_only: string;
  }>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
       current_setting('server_encoding') as encoding, current_database() as database, pg_is_in_recovery() as standby,
       current_setting('default_transaction_read_only') as read_only`,
  );
  const [server] = rows;
  if (!server) return [];
  const findings: Unsuitable[] = [];
  if (server.number < oldestVersion * 10_000)
    findings.push({
      what: 'version',
      found: say(`this is PostgreSQL ${server.version}`, `版本是 PostgreSQL ${server.version}`),
      todo: say(
        `PostgreSQL ${oldestVersion} or newer is needed`,
        `需要 PostgreSQL ${oldestVersion} 或更新的版本`,
      ),
    });
  if (server.encoding !== 'UTF8')
    findings.push({
      what: 'encoding',
      found: say(
        `the database ${server.database} is in ${server.encoding}, which cannot hold what users write`,
        `数据库 ${server.database} 的编码是 ${server.encoding}，存不下用户写的内容`,
      ),
      todo: say(
        `create another: create database wechat encoding 'UTF8' template template0`,
        `另建一个：create database wechat encoding 'UTF8' template template0`,
      ),
    });
  if (server.standby)
    findings.push({
      what: 'primary',
      found: say('this server is a standby: nothing can be stored', '这台服务器是备库：什么都存不了'),
      todo: say(
        'let DATABASE_URL lead to the primary, or promote this one',
        '让 DATABASE_URL 指向主库，或把这台提升为主库',
      ),
    });
  else if (server.read_only === 'on')
    findings.push({
      what: 'primary',
      found: say(
        'default_transaction_read_only is on: nothing can be stored',
        'default_transaction_read_only 是 on：什么都存不了',
      ),
      todo: say(
        'let DATABASE_URL lead to the primary, or reset the setting of the server, the database or the role',
        '让 DATABASE_URL 指向主库，或改回服务器、数据库或角色上的这项设置',
      ),
    });
  return findings;
}

interface Rights {
  role: string;
  database: string;
  may_create: boolean;
  /** Of our two schemas: those that are missing, and those that are another role's. */
  missing: string[];
  closed: string[];
  /** Tables in them that belong to others, and to whom. */
  foreign_tables: number;
  owner: string | null;
}

/**
 * The service migrates, and works on tables with row level security (graphile-worker's): it must own what is there, or
 * belong to the role that does, and be able to create what is not.
 */
const rightsSql = `
  with ours as (
    select wanted.name, n.oid, n.nspowner from unnest(array['wechat', 'graphile_worker']) as wanted (name)
    left join pg_namespace n on n.nspname = wanted.name
  ),
  others as (
    select c.relowner from pg_class c join ours on ours.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'S') and not pg_has_role(current_user, c.relowner, 'usage')
  )
  select current_user as role, current_database() as database,
    has_database_privilege(current_user, current_database(), 'create') as may_create,
    array(select name from ours where oid is null order by name desc) as missing,
    array(select name from ours where oid is not null and not pg_has_role(current_user, nspowner, 'usage')
      order by name desc) as closed,
    (select count(*)::int from others) as foreign_tables,
    (select min(pg_get_userbyid(relowner)) from others) as owner`;

async function checkRights(client: ClientBase): Promise<Unsuitable[]> {
  const { rows } = await client.query<Rights>(rightsSql);
  const [rights] = rows;
  if (!rights) return [];
  const { role, database, missing, closed } = rights;
  const findings: Unsuitable[] = [];
  if (missing.length > 0 && !rights.may_create) {
    const statements = missing
      .map((name) => `create schema ${name} authorization ${quoted(role)};`)
      .join(' ');
    findings.push({
      what: 'rights',
      found: say(
        `the role ${role} may create no schema in the database ${database}, and ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not there`,
        `角色 ${role} 不能在数据库 ${database} 里创建 schema，而缺少 ${missing.join(' 和 ')}`,
      ),
      todo: byAdministrator(statements),
    });
  }
  if (rights.foreign_tables > 0)
    findings.push({
      what: 'rights',
      found: say(
        `the tables of the schemas wechat and graphile_worker belong to ${rights.owner}, not to the role ${role}`,
        `schema wechat 和 graphile_worker 里的表属于 ${rights.owner}，不属于角色 ${role}`,
      ),
      todo: say(
        `connect as ${rights.owner}, or let an administrator run: grant ${quoted(rights.owner ?? '')} to ${quoted(role)}; the rights to select, insert, update and delete are not enough`,
        `用 ${rights.owner} 连接，或请管理员执行：grant ${quoted(rights.owner ?? '')} to ${quoted(role)}；只有 select、insert、update、delete 权限不够`,
      ),
    });
  else if (closed.length > 0) {
    const statements = closed.map((name) => `alter schema ${name} owner to ${quoted(role)};`).join(' ');
    findings.push({
      what: 'rights',
      found: say(
        `the role ${role} does not own the schema${closed.length > 1 ? 's' : ''} ${closed.join(' and ')}`,
        `角色 ${role} 不拥有 schema ${closed.join(' 和 ')}`,
      ),
      todo: byAdministrator(statements),
    });
  }
  return findings;
}

const byAdministrator = (statements: string) =>
  say(`let an administrator run: ${statements}`, `请管理员执行：${statements}`);

/** A name as SQL wants it. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
