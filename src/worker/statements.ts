import { batchFailure, classifyDatabaseError } from '../db/errors.js';
import { persist } from '../db/persist.js';
import type { Pool } from '../db/pool.js';
import { createBatcher } from '../lib/batcher.js';
import { createBegin } from '../outbox/begin.js';
import { createClaim, createClaimNumbers } from '../outbox/claim.js';
import { createEnd } from '../outbox/end.js';
import { createEntrust } from '../outbox/entrust.js';
import { createHandovers, type Handovers } from '../outbox/handover.js';
import type { HeldLane, Hold } from '../outbox/lane.js';
import { createLook } from '../outbox/look.js';
import { createMerge } from '../outbox/merge.js';
import { createPlanner } from '../outbox/plan.js';
import { createRelease } from '../outbox/release.js';
import { createSettle } from '../outbox/settle.js';
import { type Findings, recordFindings } from '../replies/checks/record.js';
import { createUse } from '../replies/checks/usage.js';

export interface StatementsDependencies {
  pool: Pool;
  /**
   * For claims, whose commits need not wait for the disk: a claim lost with a crash of Postgres is one that nothing was sent on,
   * for every plan waits for the disk, and finds by the claim's absence that it was lost.
   */
  claimPool: Pool;
  /** Ends the repetition of a statement while Postgres is away. */
  stop: AbortSignal;
  onOutage(error: unknown): void;
}

/** One of each kind at a time: what arrives meanwhile shares the next, and the larger it is, the less each costs. */
const sets = { maxItems: 500, maxConcurrent: 1 };

/**
 * A user waits for it, and its commit for the disk: a second goes beside the first where it is worth it. Two at a time of a few each
 * made users wait longer: 60 ms in place of 35, at 500 messages a second (docs/performance.md).
 */
const beforeSend = { maxConcurrent: 2, besideItems: 16 };

/**
 * What follows a send waits for others of its kind: no user waits for it, and each statement that is saved is two wake-ups
 * less for both processes.
 */
const afterSend = { lingerMs: 10 };

/** The worker's statements on the outbox, each for one item: sets are made here, and outages are waited for. */
export function createStatements({ pool, claimPool, stop, onOutage }: StatementsDependencies) {
  const durably = <T>(statement: () => Promise<T>) => persist(statement, { signal: stop, onOutage });
  const batched = <Item, Result>(
    run: (items: readonly Item[]) => Promise<Result[]>,
    options: { lingerMs?: number; maxConcurrent?: number; besideItems?: number } = {},
  ) =>
    createBatcher<Item, Result>({
      ...{ run, classify: batchFailure, ...sets, ...options, giveUp: stop },
      onFailure(error, failure) {
        if (failure === 'away' || classifyDatabaseError(error) === 'storage') onOutage(error);
      },
    }).add;

  const { claim } = createClaim(claimPool);
  const look = createLook(claimPool);
  const nextNumber = createClaimNumbers();
  const { begin, suspect } = createBegin(pool);
  const handovers = createHandovers(pool);

  return {
    durably,
    /** Claims lanes and looks at them. */
    async claim(
      laneIds: readonly string[],
      workerId: number,
    ): Promise<{ lanes: HeldLane[]; busy: string[] }> {
      const number = nextNumber(workerId);
      const { held, busy } = await durably(() => claim(laneIds, workerId, number));
      if (held.length === 0) return { lanes: [], busy };
      const holds = held.map((laneId): Hold => ({ laneId, claim: number }));
      const lanes = await durably(() => look(holds));
      return { lanes: lanes.filter((lane) => lane !== undefined), busy };
    },
    look: batched((holds: readonly Hold[]) => look(holds)),
    merge: batched(createMerge(pool)),
    plan: batched(createPlanner(pool), beforeSend),
    begin: batched(begin),
    suspect: (hold: Hold) => durably(() => suspect(hold)),
    end: batched(createEnd(pool), afterSend),
    settle: batched(createSettle(pool), afterSend),
    release: batched(createRelease(pool), afterSend),
    entrust: batched(createEntrust(pool)),
    use: batched(createUse(pool), beforeSend),
    record: (findings: Findings) => durably(() => recordFindings(pool, findings)),
    handovers: {
      requestPerson: (...asked) => durably(() => handovers.requestPerson(...asked)),
      returnByUser: (...asked) => durably(() => handovers.returnByUser(...asked)),
      followSession: (...asked) => durably(() => handovers.followSession(...asked)),
    } satisfies Handovers as Handovers,
  };
}

export type Statements = ReturnType<typeof createStatements>;
