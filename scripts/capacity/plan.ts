import { type Cores, type Costs, coresAt, costAt, inLargeGroups, sumOf } from './costs.ts';

export interface Assumptions {
  users: number;
  /** That a user sends a day; each gets one reply. */
  messagesPerUserDay: number;
  /** The busiest second over the mean of the day. */
  peakFactor: number;
  retentionDays: number;
}

/** What one machine bears, and how full it may be at the peak. */
export interface Limits {
  /** Of CPU and of the disk's writes, so that a burst or a lost machine is borne. */
  fullShare: number;
  coresOfPostgres: number;
  walBytesPerSecond: number;
  diskBytes: number;
  connections: number;
  /** Commits that notify, which Postgres lets through one after the other. */
  notifyingCommits: number;
  /** Customer-service messages a day that WeChat allows an account, where nothing else is agreed. */
  messagesOfAccount: number;
}

export const usualLimits: Limits = {
  fullShare: 0.6,
  coresOfPostgres: 16,
  walBytesPerSecond: 200e6,
  diskBytes: 2e12,
  connections: 500,
  notifyingCommits: 1_500,
  messagesOfAccount: 500_000,
};

export interface Plan {
  users: number;
  messagesPerDay: number;
  peakPerSecond: number;
  /** So that none sends more than WeChat allows it. */
  accountsAtLeast: number;
  /** At the peak. */
  cores: Cores;
  walBytesPerSecond: number;
  walBytesPerDay: number;
  diskBytes: number;
  ingressProcesses: number;
  workerProcesses: number;
  postgres: number;
  connections: number;
  /** How full one Postgres would be with all of it, by resource; over 1 where it takes several. */
  fullness: Readonly<Record<Resource, number>>;
  firstFull: Resource;
  machines: Machines;
}

export type Resource = 'cpu' | 'wal' | 'disk' | 'connections' | 'commits';

/** `one`: everything on a machine of so many cores. `apart`: processes on machines of their own, Postgres on others. */
export type Machines =
  | { kind: 'one'; cores: number }
  | { kind: 'apart'; processCores: number; postgresCores: number };

/** Above this a machine for everything would be a large one, and Postgres is better alone. */
const largestSingleMachine = 8;
const sizes = [2, 4, 8, 16];

export function peakRate({ users, messagesPerUserDay, peakFactor }: Assumptions): number {
  return ((users * messagesPerUserDay) / 86_400) * peakFactor;
}

export function plan(costs: Costs, assumptions: Assumptions, limits: Limits = usualLimits): Plan {
  const { users, messagesPerUserDay, retentionDays } = assumptions;
  const messagesPerDay = users * messagesPerUserDay;
  const peakPerSecond = peakRate(assumptions);
  // What it cannot do without: with cores to spare groups are smaller, and all of it busier.
  const cores = coresAt(inLargeGroups(costs), peakPerSecond);
  // A process is one thread: it is full at a core.
  const processesFor = (needed: number) => Math.max(1, Math.ceil(needed / limits.fullShare));
  const [ingressProcesses, workerProcesses] = [processesFor(cores.ingress), processesFor(cores.worker)];
  const connections = (ingressProcesses + workerProcesses) * costs.connections;
  // The mean of a day counts for what is kept and archived, the peak for what must be written in time.
  const meanRate = messagesPerDay / 86_400;
  const walBytesPerSecond = costAt(costs.walBytes, peakPerSecond, costs.gatherMs) * peakPerSecond;
  const diskBytes = messagesPerDay * retentionDays * costs.diskBytes;
  const fullness = {
    cpu: cores.postgres / (limits.coresOfPostgres * limits.fullShare),
    wal: walBytesPerSecond / (limits.walBytesPerSecond * limits.fullShare),
    disk: diskBytes / limits.diskBytes,
    connections: connections / limits.connections,
    commits: commitsAt(costs, peakPerSecond, ingressProcesses) / limits.notifyingCommits,
  };
  // Connections are lent by a pooler or by fewer a process, and groups grow where commits queue: neither takes another Postgres.
  const postgres = Math.max(1, Math.ceil(Math.max(fullness.cpu, fullness.wal, fullness.disk)));
  const [firstFull = 'cpu'] = (Object.keys(fullness) as Resource[]).sort((a, b) => fullness[b] - fullness[a]);
  return {
    users,
    messagesPerDay,
    peakPerSecond,
    accountsAtLeast: Math.max(1, Math.ceil(messagesPerDay / limits.messagesOfAccount)),
    cores,
    walBytesPerSecond,
    walBytesPerDay: costAt(costs.walBytes, meanRate, costs.gatherMs) * messagesPerDay,
    diskBytes,
    ingressProcesses,
    workerProcesses,
    postgres,
    connections,
    fullness,
    firstFull,
    machines: machinesFor(cores, postgres, limits),
  };
}

/** A process stores one group at a time, and messages that arrive meanwhile are the next. */
function commitsAt(costs: Costs, ratePerSecond: number, processes: number): number {
  return ratePerSecond / (1 + (ratePerSecond / processes) * (costs.commitMs / 1_000));
}

function machinesFor(cores: Cores, postgres: number, { fullShare }: Limits): Machines {
  const needed = sumOf(cores) / fullShare;
  if (postgres === 1 && needed <= largestSingleMachine) return { kind: 'one', cores: sizeFor(needed) };
  return {
    kind: 'apart',
    processCores: Math.ceil((cores.ingress + cores.worker) / fullShare),
    postgresCores: sizeFor(cores.postgres / fullShare / postgres),
  };
}

function sizeFor(cores: number): number {
  return sizes.find((size) => size >= cores) ?? sizes.at(-1) ?? 16;
}
