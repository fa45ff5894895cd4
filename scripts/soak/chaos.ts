import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedPostgres } from '#src/db/embedded.js';
import type { Fault, Simulator } from '#src/simulator/index.js';
import type { ServiceProcess } from './processes.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export interface ChaosTargets {
  ingress: readonly ServiceProcess[];
  workers: readonly ServiceProcess[];
  postgres: EmbeddedPostgres;
  simulator: Simulator;
  appId: string;
  proxies: { webhook: TcpProxy; database: TcpProxy; api: TcpProxy };
}

/** In ms since 1970. */
export interface Interval {
  from: number;
  until: number;
}

export interface Chaos {
  /** How often each kind of trouble was made. */
  readonly counts: ReadonlyMap<string, number>;
  readonly latest: string;
  /** When Postgres was down, or did not answer. Of those that ended. */
  readonly databaseAway: readonly Interval[];
  /** Makes no more, and waits for what lasts. */
  stop(): Promise<void>;
}

const betweenMs = { least: 2_000, most: 6_000 };

/** One call in five fails, of these one in ten in a way that leaves the outcome unknown. */
const apiFaults: readonly Fault[] = [
  ...Array.from({ length: 3 }, (): readonly Fault[] => [
    { errcode: -1 },
    { httpStatus: 502 },
    { reset: 'before' },
  ]).flat(),
  { reset: 'after' },
];
const faultShare = 0.2;

/** Makes trouble at random, one after the other, until stopped. */
export function startChaos(targets: ChaosTargets, random: () => number): Chaos {
  const { ingress, workers, postgres, simulator, appId, proxies } = targets;
  const counts = new Map<string, number>();
  const lasting = new Set<Promise<unknown>>();
  const stopped = new AbortController();
  const databaseAway: Interval[] = [];
  let latest = '';
  let isDatabaseDown = false;

  const between = (least: number, most: number) => Math.round(least + random() * (most - least));
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

  function freezeDatabase(forMs: number): void {
    const from = Date.now();
    databaseAway.push({ from, until: from + forMs });
    proxies.database.freeze(forMs);
  }

  async function stopDatabase(): Promise<void> {
    if (isDatabaseDown) return;
    isDatabaseDown = true;
    const from = Date.now();
    await postgres.stop('immediate');
    await sleep(between(1_000, 10_000));
    await postgres.start();
    databaseAway.push({ from, until: Date.now() });
    isDatabaseDown = false;
  }

  const troubles: readonly [name: string, make: () => void | Promise<void>][] = [
    ['worker killed', () => pick(workers).kill(between(1_000, 3_000))],
    ['worker killed', () => pick(workers).kill(between(1_000, 3_000))],
    ['ingress killed', () => pick(ingress).kill(between(1_000, 3_000))],
    ['worker stopped for a while', () => pick(workers).freeze(between(15_000, 40_000))],
    ['Postgres crashed', stopDatabase],
    ['Postgres sockets reset', () => proxies.database.reset()],
    ['Postgres sockets frozen', () => freezeDatabase(between(1_000, 6_000))],
    ['API sockets reset', () => proxies.api.reset()],
    ['API sockets frozen', () => proxies.api.freeze(between(1_000, 6_000))],
    ['webhook sockets reset', () => proxies.webhook.reset()],
    ['access token ended', () => simulator.tokens.expire(appId)],
  ];

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      simulator.faults.ratio(faultShare, pick(apiFaults), between(1, 1_000_000));
      const [name, make] = pick(troubles);
      latest = name;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const making = Promise.resolve(make()).finally(() => lasting.delete(making));
      lasting.add(making);
      await sleep(between(betweenMs.least, betweenMs.most), undefined, { signal: stopped.signal }).catch(
        () => undefined,
      );
    }
  }

  const running = run();
  return {
    counts,
    databaseAway,
    get latest() {
      return latest;
    },
    async stop() {
      stopped.abort();
      await running;
      await Promise.all(lasting);
      simulator.faults.clear();
    },
  };
}
