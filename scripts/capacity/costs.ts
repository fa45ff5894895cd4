/** What a message costs a part, alone in its statement and in a large group. */
export interface Cost {
  single: number;
  grouped: number;
}

/** CPU of each part in microseconds, a message with one reply; WAL and disk in bytes. */
export interface Costs {
  ingressUs: Cost;
  workerUs: Cost;
  postgresUs: Cost;
  walBytes: Cost;
  /** Rows with their indexes, for as long as they are kept. */
  diskBytes: number;
  /** Without any messages, in cores: each of these processes, and Postgres for them. */
  idleCores: { ingress: number; worker: number; postgres: number };
  /** A commit, until the disk has it. */
  commitMs: number;
  /** Connections of a process: twenty of the pools, and one that listens. */
  connections: number;
  /** How long a group gathers while the one before it is stored, a statement's work included; on a machine with nothing else to do. */
  gatherMs: number;
}

/** Messages that share a statement at this rate, by process. */
export function groupSize(ratePerSecond: number, gatherMs: number): number {
  return 1 + (ratePerSecond * gatherMs) / 1_000;
}

/** The share of a statement falls with the group; the rest is each message's own. */
export function costAt({ single, grouped }: Cost, ratePerSecond: number, gatherMs: number): number {
  return grouped + (single - grouped) / groupSize(ratePerSecond, gatherMs);
}

/**
 * A cost by what it was at a low rate and in the largest groups there are.
 *
 * @param grouped in groups so large that a statement's own share is nothing
 */
export function fitCost(low: RateCost, grouped: number, gatherMs: number): Cost {
  const own = Math.min(grouped, low.cost);
  return { grouped: own, single: own + (low.cost - own) * groupSize(low.ratePerSecond, gatherMs) };
}

/** How long groups gathered, by how much cheaper they had become from a low rate to a higher one. */
export function fitGatherMs(low: RateCost, higher: RateCost, grouped: number): number {
  const times = (low.cost - grouped) / (higher.cost - grouped);
  const perSecond = higher.ratePerSecond - times * low.ratePerSecond;
  // Noise, or groups that are the largest already.
  if (!(times > 1)) return 0;
  return perSecond > 0 ? Math.min(longestGatherMs, ((times - 1) * 1_000) / perSecond) : longestGatherMs;
}

export interface RateCost {
  ratePerSecond: number;
  cost: number;
}

/** Cores that each part is busy for at this rate. */
export interface Cores {
  ingress: number;
  worker: number;
  postgres: number;
}

export function coresAt(costs: Costs, ratePerSecond: number): Cores {
  const cores = (cost: Cost) => (costAt(cost, ratePerSecond, costs.gatherMs) * ratePerSecond) / 1e6;
  return {
    ingress: costs.idleCores.ingress + cores(costs.ingressUs),
    worker: costs.idleCores.worker + cores(costs.workerUs),
    postgres: costs.idleCores.postgres + cores(costs.postgresUs),
  };
}

export function sumOf({ ingress, worker, postgres }: Cores): number {
  return ingress + worker + postgres;
}

/** The costs where groups are as large as they get, which is what a full machine comes to. */
export const inLargeGroups = (costs: Costs): Costs => ({ ...costs, gatherMs: 1e12 });

/** What else there is on a machine. */
export interface Load {
  ratePerSecond: number;
  cores: number;
  /** Work beside the service, as a load generator does: microseconds of CPU a message. */
  besideUs?: number;
}

/** Of all cores: 1 is full. */
export function busyShare(costs: Costs, { ratePerSecond, cores, besideUs = 0 }: Load): number {
  return (sumOf(coresAt(costs, ratePerSecond)) + (besideUs * ratePerSecond) / 1e6) / cores;
}

/** By how much all takes longer where it waits for a core. */
export const stretch = (busy: number, cores: number) =>
  busy >= 1 ? Number.POSITIVE_INFINITY : 1 / (1 - busy ** cores);

/** Longer than any group gathers where a push is answered in time. */
const longestGatherMs = 1_000;

/**
 * The costs at this load. The busier the machine, the longer a statement takes, the larger the next group, and the less a message costs: so
 * groups are as large as that they leave a core for all, or the machine is full.
 */
export function underLoad(costs: Costs, load: Load): Costs {
  const isTooShort = (gatherMs: number) =>
    costs.gatherMs * stretch(busyShare({ ...costs, gatherMs }, load), load.cores) > gatherMs;
  let [low, high] = [costs.gatherMs, Math.max(costs.gatherMs, longestGatherMs)];
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (isTooShort(middle)) low = middle;
    else high = middle;
  }
  return { ...costs, gatherMs: high };
}

/** The highest rate that so many cores carry with one process of each role, which is one thread each. */
export function highestRate(costs: Costs, cores: number, besideUs = 0): number {
  const fits = (ratePerSecond: number) => {
    const load = { ratePerSecond, cores, besideUs };
    const loaded = underLoad(costs, load);
    const { ingress, worker } = coresAt(loaded, ratePerSecond);
    return ingress <= 1 && worker <= 1 && busyShare(loaded, load) < 1;
  };
  let [low, high] = [0, 1];
  while (fits(high) && high < 1e7) [low, high] = [high, high * 2];
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
