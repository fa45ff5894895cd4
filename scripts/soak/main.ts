/** `npm run soak`: the service under load and, with --chaos, under fire; checks that every promise held. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type pg from 'pg';
import { type Chaos, startChaos } from './chaos.ts';
import { check } from './check.ts';
import { openField } from './field.ts';
import { type Load, startLoad } from './load.ts';
import { seededRandom } from './random.ts';
import { brokenPromises, printReport } from './report.ts';

/** A worker that stands still is given up after some 25 s, and a retry may be ten minutes away, but none is that old. */
const drainTimeoutMs = 180_000;

interface Options {
  minutes: number;
  rate: number;
  users: number;
  chaos: boolean;
  seed: number;
  keep: boolean;
  json?: string;
}

const stops: (() => Promise<unknown>)[] = [];

async function soak({ minutes, rate, users, chaos: withChaos, seed, keep, json }: Options): Promise<boolean> {
  const random = seededRandom(seed);
  const field = await openField({ isKept: keep, onStop: (stop) => stops.push(stop) });
  const { pool, simulator, processes } = field;

  const load = startLoad(simulator, { rate, users, random });
  const chaos = withChaos ? startChaos(field.targets, random) : undefined;
  const startedAt = Date.now();
  const progress = showProgress(() => describe(startedAt, load, simulator.delivered.length, chaos));
  await sleep(minutes * 60_000);
  await chaos?.stop();
  await load.stop();
  const drainedMs = await drain(pool);
  progress.end();

  const findings = await check(pool, load.acknowledged, simulator.delivered);
  const outcome = { seed, load, findings, chaos, processes, drainedMs };
  printReport(outcome);
  const broken = brokenPromises(outcome);
  for (const promise of broken) console.log(`BROKEN: ${promise}`);
  if (broken.length === 0) console.log('Every promise held.');
  // Whoever has to find out why needs them.
  else field.keepAll();
  if (json) await writeFile(json, JSON.stringify({ seed, minutes, rate, users, broken, findings }, null, 2));
  return broken.length === 0;
}

function describe(startedAt: number, load: Load, delivered: number, chaos: Chaos | undefined): string {
  const elapsed = Math.round((Date.now() - startedAt) / 1_000);
  const { pushed, acknowledged, notices } = load;
  return `${elapsed} s  pushed ${pushed}  acknowledged ${acknowledged.length}  notices ${notices}  delivered ${delivered}  ${chaos?.latest ?? ''}`;
}

/** On a terminal one line that changes, else a line every ten seconds. */
function showProgress(line: () => string): { end(): void } {
  const { isTTY } = process.stdout;
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

async function cleanUp(): Promise<void> {
  // What was started last is stopped first.
  for (const stop of stops.splice(0).reverse()) {
    await stop().catch((error: unknown) => console.error(`clean-up: ${error}`));
  }
}

const number = (value: string) => Number(value);
const program = new Command('soak')
  .description('Runs the service under load and checks its promises; exit code 1 if one was broken.')
  .option('--minutes <n>', 'how long', number, 1)
  .option('--rate <n>', 'pushes a second', number, 100)
  .option('--users <n>', 'how many users', number, 2_000)
  .option('--chaos', 'kill, stop, crash, cut and freeze all the while', false)
  .option('--seed <n>', 'repeats the chaos of an earlier run', number, Math.floor(Math.random() * 1_000_000))
  .option('--keep', 'keep the data folder and the logs', false)
  .option('--json <file>', 'write the figures there');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().then(() => process.exit(130)));
}
try {
  program.parse();
  process.exitCode = (await soak(program.opts<Options>())) ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
await cleanUp();
process.exit();
