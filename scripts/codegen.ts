/** Writes src/db/schema.ts from a freshly migrated database; with --verify it fails when the file is stale. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { startEmbeddedPostgres } from '#src/db/embedded.js';
import { migrateDatabase } from '#src/db/migrate.js';

const analystViews = [
  'message_history',
  'conversation_summary',
  'delivery_hourly',
  'delivery_failures',
  'reply_latency_hourly',
  'event_daily',
  'busiest_users',
];

// Under /var/tmp: as root, Postgres runs as another user, who must be able to reach it.
const dataDir = await mkdtemp('/var/tmp/wechat-outbox-codegen-');
await chmod(dataDir, 0o755);
const postgres = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
try {
  await migrateDatabase(postgres.url, (error) => console.error(error));
  const flags = [
    '--dialect',
    'postgres',
    '--include-pattern',
    'wechat.*',
    // The views are for analysts: no code of ours reads them.
    '--exclude-pattern',
    `wechat.{${analystViews.join(',')}}`,
    // pg would make an object of it, of a package that is its own.
    '--type-mapping',
    JSON.stringify({ interval: 'string' }),
    '--out-file',
    path.resolve('src/db/schema.ts'),
  ];
  if (process.argv.includes('--verify')) flags.push('--verify');
  execFileSync('npx', ['kysely-codegen', ...flags, '--url', postgres.url], { stdio: 'inherit' });
} catch (error) {
  process.exitCode = 1;
  if (!process.argv.includes('--verify')) throw error;
  console.error('src/db/schema.ts is stale: run "npm run codegen" and commit the result.');
} finally {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
