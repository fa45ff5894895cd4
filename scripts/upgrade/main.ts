/** `npm run test:upgrade`: from the last version to this one and back, process by process, under load. */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import pg from 'pg';
import { startEmbeddedPostgres } from '#src/db/embedded.js';
import { check, type Findings } from '../soak/check.ts';
import { type Load, startLoad } from '../soak/load.ts';
import { seededRandom } from '../soak/random.ts';
import { createStops } from '../stops.ts';
import { type Build, buildOld, copyNew, trialMigration } from './builds.ts';
import { openTrial, type Trial } from './trial.ts';
import { chooseOrigin, type Origin } from './versions.ts';

interface Options {
  from?: string;
  rate: number;
  users: number;
  seed: number;
  keep: boolean;
}

const drainTimeoutMs = 120_000;
const stops = createStops();
const startedAt = Date.now();
const say = (line: string) =>
  console.log(`${String(Math.round((Date.now() - startedAt) / 1_000)).padStart(4)} s  ${line}`);

async function upgrade({ from, rate, users, seed, keep }: Options): Promise<boolean> {
  const origin = await chooseOrigin(from);
  // Under /var/tmp: as root, Postgres runs as another user, who must be able to reach it.
  const directory = await mkdtemp('/var/tmp/wechat-outbox-upgrade-');
  await chmod(directory, 0o755);
  let isKept = keep;
  stops.push(async () => {
    if (isKept) console.log(`Data and logs are kept in ${directory}`);
    else await rm(directory, { recursive: true, force: true });
  });
  const logs = path.join(directory, 'logs');
  await mkdir(logs);
  say(`from ${origin.name}`);
  const [oldBuild, newBuild] = [await buildOld(origin, directory), await copyNew(directory)];
  say('both versions are built');
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(directory, 'data') });
  stops.push(() => postgres.stop());
  const pool = new pg.Pool({ connectionString: postgres.url, max: 2 });
  pool.on('error', () => undefined);
  stops.push(() => pool.end());
  const trial = await openTrial({ postgres, logs, say });
  stops.push(trial.stop);

  await trial.start(oldBuild);
  const load = startLoad(trial.simulator, { rate, users, random: seededRandom(seed) });
  await sleep(5_000);
  await trial.replaceAll(newBuild);
  say('all processes are new; back');
  await trial.replaceAll(oldBuild);
  await load.stop();
  await drain(pool);
  const findings = await check(pool, {
    acknowledged: load.acknowledged,
    delivered: trial.simulator.delivered,
    databaseAway: [],
  });
  await trial.refuse(oldBuild);

  const broken = judge({ origin, trial, load, findings, newBuild });
  report(origin, load, findings, trial);
  for (const promise of broken) console.log(`BROKEN: ${promise}`);
  if (broken.length === 0)
    console.log('Up and back: nothing lost, repeated or out of order, and no user saw a notice.');
  else isKept = true;
  return broken.length === 0;
}

async function drain(pool: pg.Pool): Promise<void> {
  for (const deadline = Date.now() + drainTimeoutMs; ; await sleep(250)) {
    const { rows } = await pool.query<{ left: boolean }>(
      'select exists (select from wechat.inbound_message where settled_at is null) as left',
    );
    if (!rows[0]?.left) return;
    if (Date.now() > deadline) throw new Error('Not everything was settled in time');
  }
}

interface Outcome {
  origin: Origin;
  trial: Trial;
  load: Load;
  findings: Findings;
  newBuild: Build;
}

function judge({ origin, trial, load, findings, newBuild }: Outcome): string[] {
  const broken = [...trial.broken];
  const none = (promise: string, examples: readonly string[]) => {
    if (examples.length > 0)
      broken.push(`${promise}: ${examples.length}, e.g. ${examples.slice(0, 5).join('; ')}`);
  };
  none('nothing is lost', findings.lost);
  none('nothing is out of order', findings.outOfOrder);
  none('all is sent', findings.unfinished);
  if (findings.twice > 0) broken.push(`nothing is repeated: ${findings.twice}`);
  if (load.notices > 0) broken.push(`no user sees a notice: ${load.notices}`);
  if ((findings.messages.failed ?? 0) > 0) broken.push(`nothing fails: ${findings.messages.failed}`);
  const applied = trial.all.flatMap(({ build, lines }) =>
    lines.flatMap((line) =>
      line.event === 'migrated' ? (line.applied ?? []).map((name) => ({ by: build.name, name })) : [],
    ),
  );
  const byNew = applied.filter(({ by }) => by === newBuild.name).map(({ name }) => name);
  if (byNew.at(-1) !== trialMigration || byNew.some((name) => origin.migrations.includes(name)))
    broken.push(`the first new process migrates, once: ${byNew.join(', ')}`);
  const beside = trial.all
    .filter(({ build }) => build.name === 'old')
    .filter(({ lines }) => lines.some(({ event }) => event === 'newer_database'));
  // Four that went back. The one that refuses says so otherwise.
  if (beside.length !== 4)
    broken.push(`an old process that starts on the newer database says so: ${beside.length} of 4`);
  return broken;
}

function report(origin: Origin, load: Load, findings: Findings, { all }: Trial): void {
  const count = (event: string) =>
    all.flatMap(({ lines }) => lines).filter((line) => line.event === event).length;
  const rows: [string, string | number][] = [
    ['from', origin.name],
    ['migrations there', origin.migrations.at(-1) ?? 'none'],
    ['pushed', load.pushed],
    ['acknowledged', load.acknowledged.length],
    ['notices shown to users (must be 0)', load.notices],
    ['lost (must be 0)', findings.lost.length],
    ['out of order (must be 0)', findings.outOfOrder.length],
    ['received twice (must be 0)', findings.twice],
    ['tries of a migration that let others by', count('migration_waits')],
    [
      'stored to settled',
      `p50 ${Math.round(findings.settling.p50)} ms, p99 ${Math.round(findings.settling.p99)} ms, worst ${Math.round(findings.settling.worst)} ms`,
    ],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(42)}${value}`);
}

const number = (value: string) => Number(value);
const program = new Command('upgrade')
  .description(
    'Upgrades the service process by process under load, and goes back; exit code 1 if a promise was broken.',
  )
  .option('--from <commit>', 'tag or commit to come from; default: the last tag')
  .option('--rate <n>', 'pushes a second', number, 60)
  .option('--users <n>', 'how many users', number, 1_000)
  .option('--seed <n>', 'of the load', number, 1)
  .option('--keep', 'keep the data folder and the logs', false);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stops.all().then(() => process.exit(130)));
}
try {
  program.parse();
  process.exitCode = (await upgrade(program.opts<Options>())) ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
await stops.all();
process.exit();
