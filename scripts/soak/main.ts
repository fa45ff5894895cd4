/** `npm run soak`: the service under load and, with --chaos, under fire; checks that every promise held. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type pg from 'pg';
import { createStops } from '../stops.ts';
import { type Interval, startChaos } from './chaos.ts';
import { check } from './check.ts';
import { openClusterDatabase } from './cluster/database.ts';
import { type Failover, runFaults } from './cluster/faults.ts';
import { measureFailovers } from './cluster/measure.ts';
import { brokenByCluster, type ClusterOutcome, printFailovers } from './cluster/report.ts';
import { watchStrays } from './cluster/strays.ts';
import { type Field, openField, type SoakDatabase } from './field.ts';
import { type Load, startLoad } from './load.ts';
import { openOneServer } from './one-server.ts';
import { seededRandom } from './random.ts';
import { brokenPromises, printReport } from './report.ts';

/** A worker that stands still is given up after some 25 s, and a retry may be ten minutes away, but none is that old. */
const drainTimeoutMs = 180_000;

interface Options {
  minutes: number;
  rate: number;
  users: number;
  chaos: boolean;
  cluster: boolean;
  async: boolean;
  seed: number;
  keep: boolean;
  json?: string;
}

const stops = createStops();
const onStop = stops.push;

async function soak(options: Options): Promise<boolean> {
  const random = seededRandom(options.seed);
  return options.cluster ? soakCluster(options, random) : soakOneServer(options, random);
}

async function soakOneServer(options: Options, random: () => number): Promise<boolean> {
  const field = await openField({ isKept: options.keep, onStop, openDatabase: openOneServer });
  const { ingress, workers, simulator, appId, database } = field;
  const load = startLoad(simulator, { ...options, random });
  const targets = { ingress, workers, simulator, appId, postgres: database.postgres };
  const proxies = { ...field.proxies, database: database.proxy };
  const chaos = options.chaos ? startChaos({ ...targets, proxies }, random) : undefined;
  const progress = showProgress(field, load, () => chaos?.latest ?? '');
  await sleep(options.minutes * 60_000);
  await chaos?.stop();
  const troubles = chaos ? Object.fromEntries(chaos.counts) : {};
  return judge(options, { field, load, progress, troubles, databaseAway: chaos?.databaseAway });
}

async function soakCluster(options: Options, random: () => number): Promise<boolean> {
  const isSynchronous = !options.async;
  const field = await openField({
    isKept: options.keep,
    onStop,
    openDatabase: (place, onEnd) => openClusterDatabase({ ...place, isSynchronous }, onEnd),
  });
  const { cluster } = field.database;
  const load = startLoad(field.simulator, { ...options, random });
  const failovers: Failover[] = [];
  const progress = showProgress(field, load, () => `failovers ${failovers.length}`);
  const strays = watchStrays(cluster);
  const untilMs = Date.now() + options.minutes * 60_000;
  const onFailover = (failover: Failover) => void failovers.push(failover);
  try {
    await runFaults({ cluster, isSynchronous, untilMs, onFailover });
  } catch (error) {
    field.keepAll();
    throw error;
  }
  const troubles: Record<string, number> = {};
  for (const { fault } of failovers) troubles[fault] = (troubles[fault] ?? 0) + 1;
  return judge(options, {
    field,
    load,
    progress,
    troubles,
    cluster: { failovers, strays: await strays.stop() },
  });
}

interface Soaked {
  field: Field<SoakDatabase>;
  load: Load;
  progress: { end(): void };
  troubles: Record<string, number>;
  /** Default: never. */
  databaseAway?: readonly Interval[] | undefined;
  cluster?: { failovers: readonly Failover[]; strays: ClusterOutcome['strays'] };
}

/** Lets all be settled, and compares what was promised with what is so. */
async function judge(
  options: Options,
  { field, load, progress, troubles, databaseAway = [], cluster }: Soaked,
): Promise<boolean> {
  const { seed, minutes, rate, users, json } = options;
  const { pool, simulator, processes } = field;
  await load.stop();
  const drainedMs = await drain(pool);
  progress.end();
  const { acknowledged } = load;
  const { delivered } = simulator;
  const findings = await check(pool, { acknowledged, delivered, databaseAway });
  const outcome = { seed, load, findings, troubles, processes, drainedMs };
  printReport(outcome);
  const broken = brokenPromises(outcome, { mayLose: options.async });
  let failovers: ClusterOutcome['failovers'] = [];
  if (cluster) {
    const { lost } = findings;
    failovers = await measureFailovers({ pool, failovers: cluster.failovers, acknowledged, delivered, lost });
    printFailovers({ failovers, strays: cluster.strays });
    broken.push(...brokenByCluster({ failovers, strays: cluster.strays }));
  }
  for (const promise of broken) console.log(`BROKEN: ${promise}`);
  if (broken.length === 0) console.log('Every promise held.');
  // Whoever has to find out why needs them.
  else field.keepAll();
  const figures = { seed, minutes, rate, users, broken, findings, failovers };
  if (json) await writeFile(json, JSON.stringify(figures, null, 2));
  return broken.length === 0;
}

/** On a terminal one line that changes, else a line every ten seconds. */
function showProgress(
  { simulator }: Pick<Field<SoakDatabase>, 'simulator'>,
  load: Load,
  latest: () => string,
): { end(): void } {
  const { isTTY } = process.stdout;
  const startedAt = Date.now();
  const line = () => {
    const elapsed = Math.round((Date.now() - startedAt) / 1_000);
    const { pushed, acknowledged, notices } = load;
    return `${elapsed} s  pushed ${pushed}  acknowledged ${acknowledged.length}  notices ${notices}  delivered ${simulator.delivered.length}  ${latest()}`;
  };
  const timer = setInterval(
    () => {
      process.stdout.write(isTTY ? `\r\u001b[K${line()}` : `${line()}\n`);
    },
    isTTY ? 1_000 : 10_000,
  );
  return {
    end() {
      clearInterval(timer);
      process.stdout.write(`${isTTY ? '\r\u001b[K' : ''}${line()}\n`);
    },
  };
}

/** @returns how long it took until every message was settled, or undefined */
async function drain(pool: pg.Pool): Promise<number | undefined> {
  const startedAt = Date.now();
  while (Date.now() - startedAt < drainTimeoutMs) {
    const { rows } = await pool.query<{ left: boolean }>(
      'select exists (select from wechat.inbound_message where settled_at is null) as left',
    );
    if (!rows[0]?.left) return Date.now() - startedAt;
    await sleep(250);
  }
  return undefined;
}

const number = (value: string) => Number(value);
const program = new Command('soak')
  .description('Runs the service under load and checks its promises; exit code 1 if one was broken.')
  .option('--minutes <n>', 'how long', number, 1)
  .option('--rate <n>', 'pushes a second', number, 100)
  .option('--users <n>', 'how many users', number, 2_000)
  .option('--chaos', 'kill, stop, crash, cut and freeze all the while', false)
  .option(
    '--cluster',
    'on two Postgres under Patroni, whose leader is killed, frozen, cut off and replaced',
    false,
  )
  .option('--async', 'with --cluster: the standby is asynchronous, and what that loses is counted', false)
  .option('--seed <n>', 'repeats the chaos of an earlier run', number, Math.floor(Math.random() * 1_000_000))
  .option('--keep', 'keep the data folder and the logs', false)
  .option('--json <file>', 'write the figures there');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stops.all().then(() => process.exit(130)));
}
try {
  program.parse();
  process.exitCode = (await soak(program.opts<Options>())) ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
await stops.all();
process.exit();
