import { randomUUID } from 'node:crypto';
import type { Pool } from '../../../db/pool.js';
import { describeError } from '../../../lib/describe-error.js';
import type { Logger } from '../../../observe/log.js';
import type { BulkProgress } from '../../contract/history.js';
import type { Person } from '../http/person.js';
import { asPerson } from '../http/transaction.js';
import type { BulkResult } from '../words/forms.js';
import { type BulkKind, countResults, slices } from './bulk.js';

/** How far an action is; words are put to the results by whoever shows it. */
export type Progress = Omit<BulkProgress, 'results'> & {
  results: { result: BulkResult; count: number }[];
};

export interface BulkRun {
  action: string;
  kind: BulkKind;
  ids: readonly string[];
  force: boolean;
  person: Person;
}

export interface BulkRuns {
  /** Returns its id; undefined where too many are under way. */
  start(run: BulkRun): string | undefined;
  progressOf(id: string): Progress | undefined;
}

/** Conversations stay locked until the commit, so operators change a few at a time. */
const stepSize = 300;

/** In one process, at once. */
const mostUnderWay = 2;
/** Kept for who asks how they ended. */
const mostKept = 50;

/** Actions on many, done in steps of a transaction each. What is done stays done where a later step fails. */
export function createBulkRuns({
  pool,
  log,
  stopping,
}: {
  pool: Pool;
  log: Pick<Logger, 'error' | 'info'>;
  stopping: AbortSignal;
}): BulkRuns {
  const runs = new Map<string, Progress>();

  async function run(progress: Progress, { action, kind, ids, force, person }: BulkRun): Promise<void> {
    const counts = new Map<BulkResult, number>();
    try {
      for (const step of slices(ids, stepSize)) {
        if (stopping.aborted) throw new Error('the process ends');
        const results = await asPerson(pool, person.name, (client) => kind.run(client, step, force));
        for (const { result, count } of countResults(results.map((one) => one.result)))
          counts.set(result, (counts.get(result) ?? 0) + count);
        progress.done += step.length;
        progress.results = [...counts].map(([result, count]) => ({ result, count }));
      }
      progress.state = 'done';
      log.info({ event: 'console_bulk', action, actor: person.name, count: ids.length }, 'bulk action done');
    } catch (error) {
      progress.state = 'failed';
      progress.error = describeError(error);
      log.error(
        { event: 'console_bulk_failed', action, actor: person.name, err: error },
        'bulk action failed',
      );
    }
  }

  function forgetOldest(): void {
    for (const [id, { state }] of runs) {
      if (runs.size <= mostKept) return;
      if (state !== 'running') runs.delete(id);
    }
  }

  return {
    start(wanted) {
      const underWay = [...runs.values()].filter(({ state }) => state === 'running').length;
      if (underWay >= mostUnderWay) return undefined;
      const id = randomUUID();
      const progress: Progress = {
        ...{ id, state: 'running', total: wanted.ids.length, done: 0 },
        ...{ results: [], error: null },
      };
      runs.set(id, progress);
      forgetOldest();
      void run(progress, wanted);
      return id;
    },
    progressOf: (id) => runs.get(id),
  };
}
