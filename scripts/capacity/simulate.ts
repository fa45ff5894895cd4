import { quantile } from '../bench/statistics.ts';
import { busyShare, type Costs, stretch, underLoad } from './costs.ts';

export interface SimulationOptions {
  ratePerSecond: number;
  cores: number;
  /** How long it is simulated for. */
  seconds: number;
  /** Work beside the service on the same machine, as a load generator does: microseconds of CPU a message. */
  besideUs?: number;
  /** `even`: as a load generator sends. `random`: as people do (Poisson). */
  arrivals: 'even' | 'random';
  /** From 0 to 1; passed in, so that a test repeats. */
  random: () => number;
}

export interface Latency {
  p50Ms: number;
  p99Ms: number;
}

/** Statements that must be stored before a reply is sent: the worker takes a message in hand, and plans its reply. */
const workerSteps = 2;
/** Of the CPU that Postgres spends on a message: on storing it, and on each of the worker's steps before the send. */
const shareOfArrival = 0.4;
const shareOfStep = 0.2;

/**
 * From a push to its reply's arrival at the API, one process a role. The ingress takes one push at a time; what arrives while a group is
 * stored is the next group, and so in the worker. All wait for a core by so much as the machine is busy.
 */
export function simulate(idle: Costs, options: SimulationOptions): Latency {
  const { ratePerSecond, seconds, cores } = options;
  const costs = underLoad(idle, options);
  const busy = busyShare(costs, options);
  if (busy >= 1) return { p50Ms: Number.POSITIVE_INFINITY, p99Ms: Number.POSITIVE_INFINITY };
  const ms = (us: number) => (us / 1_000) * stretch(busy, cores);
  const station = (share: number, us: { single: number; grouped: number }) => ({
    fixedMs:
      costs.commitMs +
      ms((costs.postgresUs.single - costs.postgresUs.grouped) * share + us.single - us.grouped),
    eachMs: ms(costs.postgresUs.grouped * share + us.grouped),
  });

  const pushedAt = arrivalsOf(options, Math.round(ratePerSecond * seconds));
  let doneAt = oneByOne(pushedAt, ms(costs.ingressUs.grouped));
  doneAt = inGroups(
    doneAt,
    station(shareOfArrival, { single: costs.ingressUs.single - costs.ingressUs.grouped, grouped: 0 }),
  );
  for (let step = 0; step < workerSteps; step += 1) {
    const own = { single: costs.workerUs.single / 3, grouped: costs.workerUs.grouped / 3 };
    doneAt = inGroups(doneAt, station(shareOfStep, own));
  }
  const latencies = doneAt.map((at, index) => at - (pushedAt[index] ?? at));
  return { p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) };
}

function arrivalsOf({ arrivals, ratePerSecond, random }: SimulationOptions, count: number): number[] {
  const meanMs = 1_000 / ratePerSecond;
  let at = 0;
  return Array.from({ length: count }, () => {
    at += arrivals === 'even' ? meanMs : -Math.log(1 - random()) * meanMs;
    return at;
  });
}

/** When each is done, of a server that takes one at a time. */
export function oneByOne(arrivals: readonly number[], eachMs: number): number[] {
  let freeAt = 0;
  return arrivals.map((at) => {
    freeAt = Math.max(at, freeAt) + eachMs;
    return freeAt;
  });
}

/** When each is done, of a server that takes all that wait at once. */
export function inGroups(
  arrivals: readonly number[],
  { fixedMs, eachMs }: { fixedMs: number; eachMs: number },
): number[] {
  const done: number[] = [];
  let freeAt = 0;
  while (done.length < arrivals.length) {
    const startsAt = Math.max(freeAt, arrivals[done.length] ?? 0);
    let size = 0;
    while ((arrivals[done.length + size] ?? Number.POSITIVE_INFINITY) <= startsAt) size += 1;
    freeAt = startsAt + fixedMs + eachMs * size;
    for (let nth = 0; nth < size; nth += 1) done.push(freeAt);
  }
  return done;
}
