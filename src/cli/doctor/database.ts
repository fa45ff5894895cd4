import { type MigrationState, readMigrationHashes, readMigrationState } from '../../db/migration-state.js';
import type { Pool } from '../../db/pool.js';
import { findUnsuitable } from '../../db/suitability.js';
import { readStatus } from '../../history/status.js';
import type { Words } from '../words/index.js';
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
  words: Words;
}

async function checkServer(pool: Pool, { words: { doctor } }: ServiceHere): Promise<Finding[]> {
  const { rows } = await pool.query<{ version: string; fsync: string }>(
    `select current_setting('server_version') as version, current_setting('fsync') as fsync`,
  );
  const [server] = rows;
  const findings: Finding[] = [{ level: 'ok', what: 'database', found: `PostgreSQL ${server?.version}` }];
  if (server?.fsync === 'off')
    findings.push({
      level: 'fail',
      what: 'durability',
      found: doctor.database.fsyncOff,
      todo: doctor.database.fsyncOn,
    });
  return findings;
}

/** What the service refuses at its start. An operator needs fewer rights than it does. */
async function checkSuited(
  pool: Pool,
  { databaseConnections, words: { language } }: ServiceHere,
): Promise<Finding[]> {
  const findings = await findUnsuitable(pool);
  return findings.map(({ what, found, todo }) => ({
    level: what === 'rights' && databaseConnections === undefined ? 'warn' : 'fail',
    what,
    found: found[language],
    todo: todo[language],
  }));
}

type LimitOf = 'server' | 'database' | 'role';

/** The narrowest of the limits counts: the server's, the database's, the role's. */
async function checkConnections(
  pool: Pool,
  { databaseConnections = 20, words: { doctor } }: ServiceHere,
): Promise<Finding[]> {
  const { rows } = await pool.query<{ kind: LimitOf; name: string; most: number; used: number }>(
    `with backend as (
       select datname, usename from pg_stat_activity where backend_type = 'client backend'
     )
     select 'server' as kind, '' as name,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
       (select count(*)::int from backend) as used
     union all
     select 'database', datname, datconnlimit,
       (select count(*)::int from backend where backend.datname = d.datname)
     from pg_database d where datname = current_database() and datconnlimit >= 0
     union all
     select 'role', rolname, rolconnlimit,
       (select count(*)::int from backend where usename = rolname)
     from pg_roles where rolname = current_user and rolconnlimit >= 0`,
  );
  const { limits, ...say } = doctor.database;
  return rows.map(({ kind, name, most, used }) => {
    const limitOf = kind === 'server' ? limits.server : limits[kind](name);
    const level = most < databaseConnections ? 'fail' : most - used < databaseConnections ? 'warn' : 'ok';
    return {
      level,
      what: 'connections',
      found: say.connections(used, most, limitOf, databaseConnections),
      todo: say.moreConnections,
    };
  });
}

async function checkClock(pool: Pool, { words: { doctor, terminal } }: ServiceHere): Promise<Finding[]> {
  const before = Date.now();
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  const middle = (before + Date.now()) / 2;
  const offMs = Math.abs((rows[0]?.now.getTime() ?? middle) - middle);
  return [
    {
      level: offMs > 5_000 ? 'fail' : offMs > 1_000 ? 'warn' : 'ok',
      what: 'clock',
      found: doctor.database.clock(terminal.duration(offMs)),
      todo: doctor.database.synchroniseBoth,
    },
  ];
}

async function checkMigrations(pool: Pool, { words }: ServiceHere): Promise<Finding[]> {
  return [
    {
      what: 'migrations',
      ...judgeMigrations(await readMigrationState(pool, await readMigrationHashes()), words),
    },
  ];
}

function judgeMigrations(state: MigrationState, { doctor: { database } }: Words): Omit<Finding, 'what'> {
  switch (state.kind) {
    case 'current':
      return { level: 'ok', found: database.migrated };
    case 'pending':
      return { level: 'fail', found: database.pending(state.names), todo: 'wechat-outbox migrate' };
    case 'newer':
      return { level: 'warn', found: database.newerMigrations(state.names), todo: database.endUpgrade };
    case 'foreign':
      return {
        level: 'fail',
        found: database.unknownMigrations(state.names, state.reasons),
        todo: database.otherVersion,
      };
  }
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

async function checkPrivileges(pool: Pool, { words: { doctor } }: ServiceHere): Promise<Finding[]> {
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
      ? { level: 'ok', what: 'privileges', found: doctor.database.mayWrite }
      : {
          level: 'warn',
          what: 'privileges',
          found: doctor.database.mayNotWrite(missing),
          todo: doctor.database.fineForOperator,
        },
    ...roles.map(
      ({ name }): Finding => ({
        level: 'warn',
        what: 'roles',
        found: doctor.database.noRole(name),
        todo: doctor.database.createRole(name),
      }),
    ),
  ];
}

async function checkWork(pool: Pool, { words: { doctor, terminal } }: ServiceHere): Promise<Finding[]> {
  const { workers, oldest, backlog } = await readStatus(pool);
  const alive = workers.filter(({ isAlive }) => isAlive).length;
  const waiting = backlog.reduce((sum, { messages }) => sum + messages, 0);
  return [
    alive > 0
      ? { level: 'ok', what: 'workers', found: doctor.database.workers(alive) }
      : {
          level: 'warn',
          what: 'workers',
          found: doctor.database.noWorkers,
          todo: 'wechat-outbox start --role worker',
        },
    {
      level: oldest && oldest.ageMs > 60_000 ? 'warn' : 'ok',
      what: 'backlog',
      found: oldest
        ? doctor.database.waiting(waiting, terminal.duration(oldest.ageMs))
        : doctor.database.nothingWaits,
      todo: `wechat-outbox show ${oldest?.id}`,
    },
  ];
}
