import { pendingMigrations, UnknownMigrationsError, unknownMigrations } from '../db/migrate.js';
import type { Pool } from '../db/pool.js';
import type { Finding } from './doctor.js';
import { duration } from './format.js';
import { readStatus } from './status-queries.js';

const oldestVersion = 15;

/** In this order: where one throws, the rest could tell nothing. */
export const databaseChecks: readonly ((pool: Pool) => Promise<Finding[]>)[] = [
  checkServer,
  checkClock,
  checkMigrations,
  checkPrivileges,
  checkWork,
];

async function checkServer(pool: Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{
    version: string;
    number: number;
    standby: boolean;
    read_only: string;
    max_connections: number;
    used: number;
    fsync: string;
    durable: string;
  }>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
       pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') as read_only,
       current_setting('max_connections')::int as max_connections,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
       current_setting('fsync') as fsync, current_setting('full_page_writes') as durable`,
  );
  const [server] = rows;
  if (!server) return [];
  const findings: Finding[] = [
    Math.floor(server.number / 10_000) < oldestVersion
      ? {
          level: 'fail',
          what: 'database',
          found: `PostgreSQL ${server.version}`,
          todo: `PostgreSQL ${oldestVersion} or newer is needed`,
        }
      : { level: 'ok', what: 'database', found: `PostgreSQL ${server.version}` },
  ];
  if (server.standby || server.read_only === 'on')
    findings.push({
      level: 'fail',
      what: 'database',
      found: server.standby ? 'a standby: nothing can be stored' : 'read-only: nothing can be stored',
      todo: 'let DATABASE_URL lead to the primary',
    });
  if (server.fsync === 'off')
    findings.push({
      level: 'fail',
      what: 'durability',
      found: 'fsync is off: acknowledged messages are lost when the machine loses power',
      todo: 'set fsync = on',
    });
  const free = server.max_connections - server.used;
  findings.push({
    level: free < 30 ? 'warn' : 'ok',
    what: 'connections',
    found: `${server.used} of ${server.max_connections} in use`,
    todo: 'a process with both roles takes up to 30: raise max_connections',
  });
  return findings;
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
