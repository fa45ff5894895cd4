/** `npm run bench`: the product beside what one would use instead, in the same run. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { Argument, Command, InvalidArgumentError } from 'commander';
import type { Benchmark, BenchOptions } from './benchmark.ts';
import { consolePages } from './console.ts';
import { backlog, history, scale } from './growth.ts';
import { http } from './http.ts';
import { ingress } from './ingress.ts';
import { type Lab, openLab } from './lab.ts';
import { latency, retention } from './latency.ts';
import { models } from './models.ts';
import { peers } from './peers.ts';
import { picture } from './picture.ts';
import { type Judged, judge, toTable } from './report.ts';
import { rules } from './rules.ts';
import { stock } from './stock.ts';
import { worker } from './worker.ts';

const benchmarks: Readonly<Record<string, Benchmark>> = {
  ingress,
  worker,
  models,
  latency,
  retention,
  history,
  backlog,
  scale,
  http,
  stock,
  rules,
  console: consolePages,
  peers,
};
/** Without being asked for by name: what has a goal, in less than eight minutes. */
const onlyByName = ['retention', 'http', 'stock', 'console', 'peers'];
const byDefault = Object.keys(benchmarks).filter((name) => !onlyByName.includes(name));
const results = 'bench-results';

async function bench(names: readonly string[], options: BenchOptions): Promise<boolean> {
  const startedAt = Date.now();
  const lab = await openLab(options.keep);
  // The lab cleans up when it is told to end: Postgres would outlive us.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void lab.close().finally(() => process.exit(130)));
  }
  try {
    const machine = await describeMachine(lab);
    console.log(machine);
    const judged: Judged[] = [];
    for (const name of names) {
      const progress = (what: string) => {
        const elapsed = Math.round((Date.now() - startedAt) / 1_000);
        console.log(`${String(elapsed).padStart(4)} s  ${name}: ${what}`);
      };
      const measures = await benchmarks[name]?.(lab, options, progress);
      judged.push(...(measures ?? []).map(judge));
    }
    console.log(`\n${toTable(judged)}\n`);
    await store(judged, machine);
    const short = judged.filter(({ isReached }) => isReached === false);
    console.log(short.length === 0 ? 'Every goal is reached.' : `${short.length} fell short.`);
    return short.length === 0;
  } finally {
    await lab.close();
  }
}

async function describeMachine({ pool, loadTool }: Lab): Promise<string> {
  const { rows } = await pool.query<{ server_version: string }>('show server_version');
  const date = new Date().toISOString().slice(0, 10);
  const postgres = `PostgreSQL ${rows[0]?.server_version} (fsync on)`;
  return `${date}, ${cpus().length} cores (${cpus()[0]?.model}), Node ${process.versions.node}, ${postgres}, load from ${loadTool}, all on one machine`;
}

async function store(measures: readonly Judged[], machine: string): Promise<void> {
  await mkdir(results, { recursive: true });
  const name = `${results}/${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  await writeFile(`${name}.json`, `${JSON.stringify({ machine, measures }, null, 2)}\n`);
  await writeFile(`${name}.svg`, picture(measures, machine));
  console.log(`${name}.json, ${name}.svg\n`);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a number above 0');
  return value;
}

const program = new Command('bench')
  .description('Measures the product beside its baselines; exit code 1 where it falls short')
  .addArgument(
    new Argument('[benchmarks...]', 'by default all but retention, http, stock, console and peers').choices(
      Object.keys(benchmarks),
    ),
  )
  .option('--rounds <n>', 'of each', positive, 3)
  .option('--history <millions>', 'messages of history; 10 takes some minutes to fill', positive, 0.5)
  .option('--keep <folder>', 'of its database, for the next run of console: it is filled once')
  .option('--backlog <thousands>', 'messages that wait', positive, 50)
  .addHelpText(
    'after',
    `
Examples:
  npm run bench                                  all but those five, in less than 8 minutes
  npm run bench -- ingress worker --rounds 5
  npm run bench -- history --history 10 --rounds 6
  npm run bench -- models
  npm run bench -- http                          replies by HTTP, and the cores that they keep busy
  npm run bench -- rules                         what 5,000 keywords cost a message
  npm run bench -- stock                         needs Debian's PostgreSQL 15
  npm run bench -- backlog --backlog 500
  npm run bench -- peers                         beside pg-boss, BullMQ and others; needs Debian's redis-server
  npm run bench -- console --history 10          every page of the console over 10 million messages`,
  );

program.parse();
const names = program.args.length > 0 ? program.args : byDefault;
const options = program.opts<BenchOptions>();
// The others empty the tables.
if (options.keep && names.join() !== 'console') program.error('error: --keep is for console alone');
process.exitCode = (await bench(names, options)) ? 0 : 1;
