import { availableParallelism } from 'node:os';
import { openLab } from '../bench/lab.ts';
import { type Costs, coresAt, costAt, highestRate } from './costs.ts';
import { commitMs, costsOf, type Field, openField, type Point } from './measure.ts';
import { costTable, verdictTable } from './report.ts';
import { simulate } from './simulate.ts';

export interface VerifyOptions {
  /** Of each point. */
  seconds: number;
  /** Two rates that the costs are taken from, and the one that is predicted. */
  low: number;
  high: number;
  predicted: number;
}

const warmUpSeconds = 10;

/** Takes the costs of this machine at two rates, predicts a third and the highest, measures both, and prints one beside the other. */
export async function verify(options: VerifyOptions, say: (text: string) => void): Promise<Costs> {
  const { seconds, low, high, predicted } = options;
  const lab = await openLab();
  const end = () => void lab.close().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  try {
    const field = await openField(lab);
    lab.onClose(field.close);
    say(`warming up at ${predicted}/s for ${warmUpSeconds} s`);
    await field.at(predicted, warmUpSeconds);
    await field.full(warmUpSeconds / 2);
    const idleCores = await field.idle(seconds);
    const { rows } = await lab.pool.query<{ open: number }>(
      `select count(*)::int as open from pg_stat_activity
       where datname = current_database() and backend_type = 'client backend'`,
    );
    // Ours are two.
    const connections = Math.ceil(((rows[0]?.open ?? 2) - 2) / 2);
    const at = (rate: number) => measured(field, rate, seconds, say);
    const [lowPoint, highPoint] = [await at(low), await at(high)];
    const costs = costsOf(lowPoint, highPoint, { idleCores, commitMs: await commitMs(lab), connections });
    say(
      `\nCosts of this machine, from ${low}/s and ${high}/s:\n${costTable(costs)}\n${JSON.stringify(costs)}\n`,
    );
    const point = await at(predicted);
    const full = await field.full(seconds);
    say(`\n${comparison(costs, point, full, options)}`);
    return costs;
  } finally {
    await lab.close();
  }
}

async function measured(
  field: Field,
  rate: number,
  seconds: number,
  say: (text: string) => void,
): Promise<Point> {
  const point = await field.at(rate, seconds);
  const [ingress, worker, postgres] = [point.ingressUs, point.workerUs, point.postgresUs].map(Math.round);
  say(
    `${rate}/s: CPU a message ${ingress} us ingress, ${worker} us worker, ${postgres} us Postgres; ` +
      `${Math.round(point.walBytes)} B of WAL, ${Math.round(point.diskBytes)} B of disk; ` +
      `p50 ${point.p50Ms.toFixed(1)} ms, p99 ${point.p99Ms.toFixed(1)} ms`,
  );
  return point;
}

function comparison(costs: Costs, point: Point, full: number, { predicted, seconds }: VerifyOptions): string {
  const cores = availableParallelism();
  const busy = coresAt(costs, predicted);
  const measuredCores = (us: number) => (us * predicted) / 1e6;
  const latency = simulate(costs, {
    ratePerSecond: predicted,
    cores,
    seconds,
    besideUs: point.besideUs,
    arrivals: 'even',
    random: Math.random,
  });
  const at = `at ${predicted}/s`;
  return verdictTable([
    {
      name: `ingress ${at}`,
      unit: 'cores',
      predicted: busy.ingress,
      measured: measuredCores(point.ingressUs),
    },
    { name: `worker ${at}`, unit: 'cores', predicted: busy.worker, measured: measuredCores(point.workerUs) },
    {
      name: `Postgres ${at}`,
      unit: 'cores',
      predicted: busy.postgres,
      measured: measuredCores(point.postgresUs),
    },
    {
      name: `WAL a message ${at}`,
      unit: 'bytes',
      predicted: costAt(costs.walBytes, predicted, costs.gatherMs),
      measured: point.walBytes,
    },
    { name: `push to API ${at}, p50`, unit: 'ms', predicted: latency.p50Ms, measured: point.p50Ms },
    { name: `push to API ${at}, p99`, unit: 'ms', predicted: latency.p99Ms, measured: point.p99Ms },
    { name: 'highest rate', unit: 'answers/s', predicted: highestRate(costs, cores), measured: full },
  ]);
}
