import type { Pauses } from '../accounts/pauses.js';
import type { Pool } from '../db/pool.js';
import { type Repeated, repeat } from '../lib/repeat.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { deleteSendKeys, returnIdle } from '../outbox/handover.js';
import { reconcile } from '../outbox/reconcile.js';
import { deleteExpiredCallbacks } from '../outbox/reply-callback.js';
import { countAlive, rescue } from '../outbox/rescue.js';
import { deleteUsage } from '../replies/checks/usage.js';
import { deleteClearedStates } from '../replies/context/state.js';
import { countNextDay, type TooLarge } from './count-days.js';
import type { Forgetting } from './forget-unsubscribed.js';
import type { Retention } from './retention.js';

export interface MaintenanceDependencies {
  pool: Pool;
  log: Logger;
  metrics: Metrics;
  pauses: Pick<Pauses, 'refresh' | 'probe' | 'overdue'>;
  rescueAfterMs: number;
  /** After an agent's last word a conversation is handed back; 0: never. */
  handoverIdleMinutes: number;
  /** Undefined: nothing is ever deleted. */
  retention: Retention | undefined;
  /** Undefined: nobody is ever forgotten. */
  forgetting: Forgetting | undefined;
  /** Told how many workers are alive, this one included. */
  onWorkers(alive: number): void;
  returnStrays(): Promise<number>;
  random(): number;
}

/** A dead worker's work goes on after its silence, two of these and `rescueAfterMs`: by default within 30 s. */
const rescueEveryMs = (rescueAfterMs: number) => Math.min(2_000, rescueAfterMs / 4);
/** How long another process may go on sending for an account that was paused. */
const pausesEveryMs = 1_000;
const overdueEveryMs = 5_000;
const reconcileEveryMs = 8_000;
/** A conversation is handed back so much later than it might be, at most. */
const returnIdleEveryMs = 5_000;
const callbacksEveryMs = 60_000;
/** A day is counted once, and again where something of it changed; after an upgrade all days of the history follow one another. */
const daysEveryMs = 2_000;
const daysIdleMs = 60_000;
/** A tenth of a core. */
const daysCostFactor = 10;
const hourMs = 3_600_000;
/** What was lost track of is no dead worker's: it is returned by its own, and waits somewhat longer. */
const straysEveryMs = (rescueAfterMs: number) => 3 * rescueAfterMs;

/**
 * The rounds of every worker: rescue the dead, reconcile what has no job, return strays, learn of and probe pauses, let
 * through what a pause has outlasted, hand back conversations that agents left, count days that are over, delete what is older than
 * it shall be kept.
 */
export function startMaintenance(dependencies: MaintenanceDependencies): { stop(): Promise<void> } {
  const { pool, log, pauses, rescueAfterMs, retention, forgetting, onWorkers, returnStrays, random } =
    dependencies;
  const { handoverIdleMinutes } = dependencies;

  async function rescueRound(): Promise<void> {
    const { workers, lanes } = await rescue(pool, rescueAfterMs);
    if (workers.length > 0 || lanes > 0)
      log.warn({ event: 'rescued', workers, lanes }, 'dead workers: their lanes are given away');
    onWorkers(await countAlive(pool));
  }

  async function reconcileRound(): Promise<void> {
    const stranded = await reconcile(pool);
    if (stranded > 0) log.warn({ event: 'reconciled', lanes: stranded }, 'lanes without a job got one');
  }

  async function straysRound(): Promise<void> {
    const strays = await returnStrays();
    if (strays > 0)
      log.warn({ event: 'strays_returned', lanes: strays }, 'claims that this worker had lost track of');
  }

  async function returnIdleRound(): Promise<void> {
    const returned = await returnIdle(pool, handoverIdleMinutes);
    if (returned > 0)
      log.info({ event: 'handed_back', conversations: returned, by: 'idle' }, 'conversations handed back');
  }

  const onError = (error: unknown) =>
    log.warn({ event: 'maintenance_failed', err: error }, 'maintenance round failed');
  const every = (pauseMs: number | (() => number), round: () => Promise<void>): Repeated =>
    repeat({ pauseMs, round, random, onError });
  /** A twentieth of a core at most, however many lanes there are. */
  const seldom = (pauseMs: number, round: () => Promise<void>): Repeated =>
    repeat({ pauseMs, round, random, onError, costFactor: 20 });
  let isDayLeft = true;
  const tooLarge: TooLarge = new Map();
  const countDays = repeat({
    pauseMs: () => (isDayLeft ? daysEveryMs : daysIdleMs),
    round: async () => {
      isDayLeft = (await countNextDay(pool, { tooLarge })) !== undefined;
    },
    ...{ random, onError, costFactor: daysCostFactor },
  });
  const rounds = [
    countDays,
    every(pausesEveryMs, () => lookAtPauses(dependencies)),
    every(rescueEveryMs(rescueAfterMs), rescueRound),
    seldom(overdueEveryMs, async () => {
      await pauses.overdue();
    }),
    seldom(reconcileEveryMs, reconcileRound),
    seldom(straysEveryMs(rescueAfterMs), straysRound),
    seldom(returnIdleEveryMs, returnIdleRound),
    every(hourMs, () => deleteSendKeys(pool)),
    every(hourMs, () => deleteClearedStates(pool)),
    seldom(callbacksEveryMs, async () => {
      await deleteExpiredCallbacks(pool);
    }),
    every(hourMs, () => deleteUsage(pool)),
  ];
  if (retention) rounds.push(every(retention.pauseMs, retention.run));
  if (forgetting) rounds.push(every(forgetting.pauseMs, forgetting.run));

  return {
    async stop() {
      await Promise.all(rounds.map((round) => round.stop()));
    },
  };
}

async function lookAtPauses({ pauses, log, metrics }: MaintenanceDependencies): Promise<void> {
  let paused = await pauses.refresh();
  if (paused.some(({ isProbeDue }) => isProbeDue)) {
    for (const { appId, laneId } of await pauses.probe()) {
      if (laneId) log.info({ event: 'account_probed', app_id: appId, lane_id: laneId }, 'account probed');
      else log.info({ event: 'account_resumed', app_id: appId, by: 'time' }, 'account resumed');
    }
    paused = await pauses.refresh();
  }
  metrics.paused.reset();
  for (const { appId, reason } of paused)
    metrics.paused.set({ account: metrics.accountLabel(appId), reason }, 1);
}
