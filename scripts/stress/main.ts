/** `npm run stress`: the statements of the outbox on nine connections that meet all the time; checks that nothing is lost. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import pg from 'pg';
import { startEmbeddedPostgres } from '#src/db/embedded.js';
import { migrateDatabase } from '#src/db/migrate.js';
import { seededRandom } from '../soak/random.ts';
import { createStops } from '../stops.ts';
import { type Arena, openArena } from './arena.ts';
import { pushMessages } from './arrivals.ts';
import { checkEnd, observe } from './observer.ts';
import { operate, sweep } from './operators.ts';
import { storeNewLanes } from './sequence.ts';
import { work } from './worker.ts';

interface Options {
  seconds: number;
  seed: number;
  server?: string;
}

/** Of the time that is asked for: new lanes one after another, for the sequence; the rest is the stress. */
const sequenceShare = 0.2;
const drainMs = 60_000;

const stops = createStops();

async function stress({ seconds, seed, server }: Options): Promise<boolean> {
  const random = seededRandom(seed);
  const url = await createDatabase(server ?? (await startServer()));
  await migrateDatabase(url, () => undefined);

  const sequence = await onSequence(url, Math.max(1, seconds * sequenceShare));
  const arena = await openArena(url, random);
  stops.push(arena.close);
  const drainedMs = await meet(arena, seconds * (1 - sequenceShare) * 1_000);
  await checkEnd(arena);
  report(arena, seed, sequence, drainedMs);
  return drainedMs !== undefined && sequence.below === 0 && arena.violations.size === 0;
}

/** Before the arena slows every statement down. */
async function onSequence(url: string, seconds: number): Promise<{ stored: number; below: number }> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const result = await storeNewLanes(url, pool, seconds);
  await pool.query('truncate wechat.inbound_message, wechat.lane; delete from graphile_worker._private_jobs');
  await pool.end();
  return result;
}

/** @returns how long it took until all was done, once nothing more came; undefined where that took too long */
async function meet(arena: Arena, forMs: number): Promise<number | undefined> {
  const endsAt = Date.now() + forMs;
  let isOver = false;
  const isQuiet = () => Date.now() >= endsAt || isOver;
  const deeds = { planned: new Set<string>(), called: new Set<string>() };
  const coming = [1, 2, 3].map((n) => pushMessages(arena, `arrivals ${n}`, isQuiet));
  coming.push(operate(arena, isQuiet));
  const going = [1, 2, 3, 4].map((n) =>
    work(arena, { name: `worker ${n}`, deeds, mayDie: () => !isQuiet(), isOver: () => isOver }),
  );
  going.push(
    sweep(arena, () => isOver),
    observe(arena, () => isOver),
  );
  const all = [...coming, ...going];
  // One that fails ends all: its error is the finding.
  for (const one of all)
    one.catch(() => {
      isOver = true;
    });
  await Promise.all(coming);
  const giveUpAt = Date.now() + drainMs;
  while (!isOver && Date.now() < giveUpAt && (await isBusy(arena))) await sleep(100);
  const drainedMs = Date.now() - endsAt;
  isOver = true;
  await Promise.all(all);
  return (await isBusy(arena)) ? undefined : drainedMs;
}

async function isBusy({ pool }: Arena): Promise<boolean> {
  const { rows } = await pool.query<{ busy: boolean }>(
    `select exists (select from wechat.lane) or exists (select from wechat.inbound_message where settled_at is null) as busy`,
  );
  return rows[0]?.busy ?? false;
}

function report(
  arena: Arena,
  seed: number,
  sequence: { stored: number; below: number },
  drainedMs: number | undefined,
): void {
  console.log(`seed ${seed}`);
  const { counts, violations } = arena;
  for (const [name, count] of Object.entries(counts))
    console.log(`${name.padEnd(12)} ${String(count).padStart(9)}`);
  if (drainedMs !== undefined)
    console.log(`all done ${(drainedMs / 1_000).toFixed(1)} s after the last arrivals`);
  console.log(`new lanes: ${sequence.below} of ${sequence.stored} messages at or below their cursor`);
  if (drainedMs === undefined)
    console.log(`NOT DONE: after ${drainMs / 1_000} s without arrivals there are lanes left`);
  for (const what of [...violations].slice(0, 20)) console.log(`VIOLATION: ${what}`);
  console.log(`${violations.size} violations`);
}

async function startServer(): Promise<string> {
  // Under /var/tmp: as root, Postgres runs as another user, who must be able to reach it.
  const directory = await mkdtemp('/var/tmp/wechat-outbox-stress-');
  await chmod(directory, 0o755);
  stops.push(() => rm(directory, { recursive: true, force: true }));
  const settings = { fsync: 'off', track_commit_timestamp: 'on' };
  const postgres = await startEmbeddedPostgres({ dataDir: directory, settings });
  stops.push(() => postgres.stop());
  return postgres.url;
}

async function createDatabase(server: string): Promise<string> {
  const name = `wechat_stress_${process.pid}`;
  const admin = async (text: string) => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  await admin(`create database ${name}`);
  stops.push(() => admin(`drop database ${name} with (force)`));
  const url = new URL(server);
  url.pathname = name;
  return url.href;
}

const program = new Command('stress')
  .description(
    'Lets the statements of the outbox meet, and checks what must hold; exit code 1 if something did not.',
  )
  .option('--seconds <n>', 'how long', Number, 60)
  .option(
    '--seed <n>',
    'repeats the choices of an earlier run',
    Number,
    Math.floor(Math.random() * 1_000_000),
  )
  .option('--server <url>', 'a Postgres with track_commit_timestamp on; default: one of its own');

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stops.all().then(() => process.exit(130)));
try {
  program.parse();
  process.exitCode = (await stress(program.opts<Options>())) ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
await stops.all();
process.exit();
