import type { Pauses } from '../accounts/pauses.js';
import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { reconcile } from '../outbox/reconcile.js';
import { countAlive, rescue } from '../outbox/rescue.js';
import type { Retention } from './retention.js';

export interface MaintenanceDependencies {
  pool: Pool;
  log: Logger;
  metrics: Metrics;
  pauses: Pick<Pauses, 'refresh' | 'probe'>;
  rescueAfterMs: number;
  /** Undefined: nothing is ever deleted. */
  retention: Retention | undefined;
  /** Told how many workers are alive, this one included. */
  onWorkers(alive: number): void;
  returnStrays(): Promise<number>;
}

/** A dead worker's work goes on after its silence, two of these and `rescueAfterMs`: by default within 30 s. */
const rescueEveryMs = (rescueAfterMs: number) => Math.min(3_000, rescueAfterMs / 3);
/** How long another process may go on sending for an account that was paused. */
const pausesEveryMs = 1_000;
const reconcileEveryMs = 8_000;

/**
 * The rounds of every worker: rescue the dead, reconcile what has no job, return strays, learn of and probe pauses,
 * delete what is older than it shall be kept.
 */
export function startMaintenance({
  pool,
  log,
  metrics,
  pauses,
  rescueAfterMs,
  retention,
  onWorkers,
  returnStrays,
}: MaintenanceDependencies): {
  stop(): Promise<void>;
} {
  const rounds = [
    repeat(pausesEveryMs, async () => {
      for (const { appId, messageId } of await pauses.probe()) {
        if (messageId)
          log.info({ event: 'account_probed', app_id: appId, message_id: messageId }, 'account probed');
        else log.info({ event: 'account_resumed', app_id: appId, by: 'time' }, 'account resumed');
      }
      const paused = await pauses.refresh();
      metrics.paused.reset();
      for (const { appId, reason } of paused)
        metrics.paused.set({ account: metrics.accountLabel(appId), reason }, 1);
    }),
    repeat(rescueEveryMs(rescueAfterMs), async () => {
      const { workers, messages } = await rescue(pool, rescueAfterMs);
      if (workers.length > 0)
        log.warn({ event: 'rescued', workers, messages }, 'dead workers: their messages are given away');
      onWorkers(await countAlive(pool));
    }),
    repeat(reconcileEveryMs, async () => {
      const stranded = await reconcile(pool);
      if (stranded > 0)
        log.warn({ event: 'reconciled', messages: stranded }, 'messages without a job got one');
      const strays = await returnStrays();
      if (strays > 0)
        log.warn({ event: 'strays_returned', messages: strays }, 'claims that this worker had lost track of');
    }),
  ];
  if (retention) rounds.push(repeat(retention.pauseMs, retention.run));

  function repeat(pauseMs: number | (() => number), round: () => Promise<void>): { stop(): Promise<void> } {
    let timer: NodeJS.Timeout | undefined;
    let stopped = false;
    let underWay = Promise.resolve();
    const schedule = () => {
      if (stopped) return;
      // Jitter: processes started together must not make their rounds together.
      timer = setTimeout(
        () => {
          underWay = round()
            .catch((error) =>
              log.warn({ event: 'maintenance_failed', err: error }, 'maintenance round failed'),
            )
            .then(schedule);
        },
        (typeof pauseMs === 'number' ? pauseMs : pauseMs()) * (0.8 + 0.4 * Math.random()),
      );
    };
    schedule();
    return {
      stop() {
        stopped = true;
        clearTimeout(timer);
        return underWay;
      },
    };
  }

  return {
    async stop() {
      await Promise.all(rounds.map((round) => round.stop()));
    },
  };
}
