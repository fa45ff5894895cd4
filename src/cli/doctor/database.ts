import { pendingMigrations, UnknownMigrationsError, unknownMigrations } from '../../db/migrate.js';
import type { Pool } from '../../db/pool.js';
import { findUnsuitable } from '../../db/suitability.js';
import { readStatus } from '../history/status.js';
import { duration } from '../terminal/format.js';
import type { Finding } from './finding.js';

/** In this order: where one throws, the rest could tell nothing. */
export const databaseChecks: readonly ((pool: Pool, about: ServiceHere) => Promise<Finding[]>)[] = [
  checkServer,
  checkSuited,
  checkConnections,
  checkClock,
  checkMigrations,
  checkPrivileges,
  checkWork,
];

/** What is known of the service that is looked at. */
export interface ServiceHere {
  /** Undefined where it is not set up here: an operator looks at it from elsewhere, with rights of their own. */
  databaseConnections: number | undefined;
}

async function checkServer(pool: Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{ version: string; fsync: string }>(
    `select current_setting('server_version') as version, current_setting('fsync') as fsync`,
  );
  const [server] = rows;
  const findings: Finding[] = [{ level: 'ok', what: 'database', found: `PostgreSQL ${server?.version}` }];
  if (server?.fsync === 'off')
    findings.push({
      level: 'fail',
      what: 'durability',
      found: 'fsync is off: acknowledged messages are lost when the machine loses power',
      todo: 'set fsync = on',
    });
  return findings;
}

/** What the service refuses at its start. An operator needs fewer rights than it does. */
async function checkSuited(pool: Pool, { databaseConnections }: ServiceHere): Promise<Finding[]> {
  const findings = await findUnsuitable(pool);
  return findings.map(({ what, found, todo }) => ({
    level: what === 'rights' && databaseConnections === undefined ? 'warn' : 'fail',
    what,
    found,
    todo,
  }));
}

/** The narrowest of the limits counts: the server's, the database's, the role's. */
async function checkConnections(pool: Pool, { databaseConnections = 20 }: ServiceHere): Promise<Finding[]> {
  const { rows } = await pool.query<{ name: string; most: number; used: number }>(
    `with backend as (
       select datname, usename from pg_stat_activity where backend_type = 'client backend'
     )
     select 'the server' as name,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
       (select count(*)::int from backend) as used
     union all
     select 'the database ' || datname, datconnlimit,
       (select count(*)::int from backend where backend.datname = d.datname)
     from pg_database d where datname = current_database() and datconnlimit >= 0
     union all
     select 'the role ' || rolname, rolconnlimit,
       (select count(*)::int from backend where usename = rolname)
     from pg_roles where rolname = current_user and rolconnlimit >= 0`,
  );
  return rows.map(({ name, most, used }) => {
    const level = most < databaseConnections ? 'fail' : most - used < databaseConnections ? 'warn' : 'ok';
    return {
      level,
      what: 'connections',
      found: `${used} of ${most} of ${name} in use; a process may open ${databaseConnections} (DATABASE_CONNECTIONS)`,
      todo: 'for another process, raise the limit or lower DATABASE_CONNECTIONS: 6 are enough',
    };
  });
}

async function checkClock(pool: Pool): Promise<Finding[]> {
  const before = Date.now();
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  const middle = (before + Date.now()) / 2;
  const offMs = Math.abs((rows[0]?.now.getTime() ?? middle) - middle);
  return [
    {
      level: offMs > 5_000 ? 'fail' : offMs > 1_000 ? 'warn' : 'ok',
      what: 'clock',
      found: `${duration(offMs)} from the database's`,
      todo: 'synchronise both with NTP: reply windows and token lifetimes go by them',
    },
  ];
}

async function checkMigrations(pool: Pool): Promise<Finding[]> {
  const unknown = await unknownMigrations(pool);
  if (unknown.length > 0)
    return [
      {
        level: 'fail',
        what: 'migrations',
        found: new UnknownMigrationsError(unknown).message,
        todo: 'run the version that made it, or use an empty database',
      },
    ];
  const pending = await pendingMigrations(pool);
  return [
    pending.length === 0
      ? { level: 'ok', what: 'migrations', found: 'up to date' }
      : {
          level: 'fail',
          what: 'migrations',
          found: `missing: ${pending.join(', ')}`,
          todo: 'wechat-outbox migrate',
        },
  ];
}

const needed = [
  'inbound_message',
  'delivery',
  'delivery_attempt',
  'lane',
  'credential',
  'worker_process',
  'account_pause',
];

async function checkPrivileges(pool: Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{ table: string }>(
    `select name as table from unnest($1::text[]) as listed (name)
     where to_regclass('wechat.' || name) is not null
       and not has_table_privilege('wechat.' || name, 'select, insert, update, delete')`,
    [needed],
  );
  const { rows: roles } = await pool.query<{ name: string }>(
    `select name from unnest(array['wechat_operator', 'wechat_analyst']) as listed (name)
     where not exists (select from pg_roles where rolname = name)`,
  );
  const missing = rows.map(({ table }) => table);
  return [
    missing.length === 0
      ? { level: 'ok', what: 'privileges', found: 'may read and write' }
      : {
          level: 'warn',
          what: 'privileges',
          found: `this user may not write ${missing.join(', ')}`,
          todo: 'fine for an operator; the service needs a user that owns the schema wechat',
        },
    ...roles.map(
      ({ name }): Finding => ({
        level: 'warn',
        what: 'roles',
        found: `there is no role ${name}`,
        todo: `let an administrator run "create role ${name} nologin", then grant as in migrations/`,
      }),
    ),
  ];
}

async function checkWork(pool: Pool): Promise<Finding[]> {
  const { workers, oldest, backlog } = await readStatus(pool);
  const alive = workers.filter(({ isAlive }) => isAlive).length;
  const waiting = backlog.reduce((sum, { messages }) => sum + messages, 0);
  return [
    alive > 0
      ? { level: 'ok', what: 'workers', found: `${alive} alive` }
      : { level: 'warn', what: 'workers', found: 'none is alive', todo: 'wechat-outbox start --role worker' },
    {
      level: oldest && oldest.ageMs > 60_000 ? 'warn' : 'ok',
      what: 'backlog',
      found: oldest ? `${waiting} waiting, the oldest for ${duration(oldest.ageMs)}` : 'nothing waits',
      todo: `wechat-outbox show ${oldest?.id}`,
    },
  ];
}
