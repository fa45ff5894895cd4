import { availableParallelism } from 'node:os';
import { openLab } from '../bench/lab.ts';
import { type Costs, coresAt, costAt, highestRate, underLoad } from './costs.ts';
import { commitMs, costsOf, type Field, openField, type Point } from './measure.ts';
import { costTable, verdictTable } from './report.ts';
import { simulate } from './simulate.ts';

export interface VerifyOptions {
  /** Of each point. */
  seconds: number;
  /** Two rates that the costs are taken from, beside the highest, and the one that is predicted. */
  low: number;
  high: number;
  predicted: number;
}

const warmUpSeconds = 10;

/** Takes the costs of this machine at two rates and at the highest, predicts another, and prints what is measured of that beside it. */
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
    const points = { low: await at(low), higher: await at(high), full: await field.full(seconds) };
    tell(points.full, say);
    const cores = availableParallelism();
    const costs = costsOf(points, { idleCores, commitMs: await commitMs(lab), connections, cores });
    say(
      `\nCosts of this machine, from ${low}/s, ${high}/s and the highest rate:\n${costTable(costs)}\n${JSON.stringify(costs)}\n`,
    );
    const point = await at(predicted);
    say(`\n${comparison(costs, point, points.full, options)}`);
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
  tell(point, say);
  return point;
}

function tell(point: Point, say: (text: string) => void): void {
  const [ingress, worker, postgres] = [point.ingressUs, point.workerUs, point.postgresUs].map(Math.round);
  say(
    `${Math.round(point.ratePerSecond)}/s: CPU a message ${ingress} us ingress, ${worker} us worker, ${postgres} us Postgres; ` +
      `${Math.round(point.walBytes)} B of WAL, ${Math.round(point.diskBytes)} B of disk` +
      // The pushes of the highest rate do not say when they left.
      (Number.isNaN(point.p50Ms)
        ? ''
        : `; p50 ${point.p50Ms.toFixed(1)} ms, p99 ${point.p99Ms.toFixed(1)} ms`),
  );
}

function comparison(costs: Costs, point: Point, full: Point, { predicted, seconds }: VerifyOptions): string {
  const cores = availableParallelism();
  const loaded = underLoad(costs, { ratePerSecond: predicted, cores, besideUs: point.besideUs });
  const busy = coresAt(loaded, predicted);
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
      predicted: costAt(loaded.walBytes, predicted, loaded.gatherMs),
      measured: point.walBytes,
    },
    { name: `push to API ${at}, p50`, unit: 'ms', predicted: latency.p50Ms, measured: point.p50Ms },
    { name: `push to API ${at}, p99`, unit: 'ms', predicted: latency.p99Ms, measured: point.p99Ms },
    {
      name: 'highest rate',
      unit: 'answers/s',
      predicted: highestRate(costs, cores, full.besideUs),
      measured: full.ratePerSecond,
    },
  ]);
}
