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
  /** How long a group gathers while the one before it is stored, a statement's work included. */
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

/** Of what a message cost at two rates. @throws RangeError where the rates are the same */
export function fitCost(low: RateCost, high: RateCost, gatherMs: number): Cost {
  const [x, y] = [1 / groupSize(low.ratePerSecond, gatherMs), 1 / groupSize(high.ratePerSecond, gatherMs)];
  if (x === y) throw new RangeError('Two rates are needed to fit a cost');
  const share = (low.cost - high.cost) / (x - y);
  const grouped = Math.max(0, high.cost - share * y);
  return { grouped, single: Math.max(grouped, grouped + share) };
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

/** The highest rate that so many cores carry with one process of each role, which is one thread each. */
export function highestRate(costs: Costs, cores: number, besideUs = 0): number {
  const fits = (rate: number) => {
    const needed = coresAt(costs, rate);
    return needed.ingress <= 1 && needed.worker <= 1 && sumOf(needed) + (besideUs * rate) / 1e6 <= cores;
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
