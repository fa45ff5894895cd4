import type { Metrics } from './metrics.js';
import { backlogStates, handoverStates, type Snapshot } from './snapshot.js';

export interface DatabaseGaugesDependencies {
  metrics: Metrics;
  read(): Promise<Snapshot>;
  /** How long a scrape waits for the database. */
  waitMs?: number;
  /** How long what was read is good for, whatever it was: many scrapers must cost no more than one. */
  keepMs?: number;
}

/** What was read slowly is kept for so many times as long: a large backlog may take a twentieth of a core at most. */
const keepFactor = 20;

/** Postgres's "query_canceled": it answers, but the count took too long. */
const tooSlow = '57014';

/**
 * Gauges of what only the database knows, to be refreshed before a scrape. Where it does not answer they are absent
 * rather than old, and `database_up` says why.
 *
 * @returns resolves in any case, within `waitMs`
 */
export function createDatabaseGauges({
  metrics,
  read,
  waitMs = 3_000,
  keepMs = 5_000,
}: DatabaseGaugesDependencies): { refresh(): Promise<void> } {
  let keepUntil = 0;
  let underWay: Promise<void> | undefined;

  async function look(): Promise<void> {
    const startedAt = performance.now();
    try {
      const snapshot = await read();
      metrics.databaseUp.set(1);
      show(snapshot);
    } catch (error) {
      metrics.databaseUp.set(error instanceof Error && 'code' in error && error.code === tooSlow ? 1 : 0);
      clear();
    }
    const endedAt = performance.now();
    keepUntil = endedAt + Math.max(keepMs, keepFactor * (endedAt - startedAt));
    underWay = undefined;
  }

  function clear(): void {
    const { backlog, oldestUnsettled, handovers, oldestHandover, tokenExpires, workersAlive } = metrics;
    for (const gauge of [backlog, oldestUnsettled, handovers, oldestHandover, tokenExpires]) gauge.reset();
    workersAlive.remove();
  }

  function show({ backlog, handovers, tokens, workersAlive }: Snapshot): void {
    clear();
    const { accounts, accountLabel } = metrics;
    // Zero where nothing waits: a series that ends looks like one that is not watched.
    for (const account of accounts) {
      metrics.oldestUnsettled.set({ account }, 0);
      metrics.oldestHandover.set({ account }, 0);
      for (const state of backlogStates) metrics.backlog.set({ account, state }, 0);
      for (const state of handoverStates) metrics.handovers.set({ account, state }, 0);
    }
    const oldest = new Map<string, number>();
    for (const { appId, state, messages, oldestSeconds } of backlog) {
      const account = accountLabel(appId);
      metrics.backlog.inc({ account, state }, messages);
      oldest.set(account, Math.max(0, oldestSeconds, oldest.get(account) ?? 0));
    }
    for (const [account, seconds] of oldest) metrics.oldestUnsettled.set({ account }, seconds);
    showHandovers(handovers);
    for (const { appId, expiresInSeconds } of tokens)
      if (accounts.includes(appId)) metrics.tokenExpires.set({ account: appId }, expiresInSeconds);
    metrics.workersAlive.set(workersAlive);
  }

  function showHandovers(held: Snapshot['handovers']): void {
    const longest = new Map<string, number>();
    for (const { appId, state, conversations, oldestSeconds } of held) {
      const account = metrics.accountLabel(appId);
      metrics.handovers.inc({ account, state }, conversations);
      if (state === 'waiting') longest.set(account, Math.max(0, oldestSeconds, longest.get(account) ?? 0));
    }
    for (const [account, seconds] of longest) metrics.oldestHandover.set({ account }, seconds);
  }

  return {
    async refresh() {
      if (performance.now() < keepUntil) return;
      underWay ??= look();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), waitMs);
      });
      if ((await Promise.race([underWay, late])) === 'late') {
        metrics.databaseUp.set(0);
        clear();
      }
      clearTimeout(timer);
    },
  };
}
