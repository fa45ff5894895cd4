import { setTimeout as sleep } from 'node:timers/promises';
import { createBegin } from '#src/outbox/begin.js';
import { createEnd } from '#src/outbox/end.js';
import { createEntrust } from '#src/outbox/entrust.js';
import { createLook } from '#src/outbox/look.js';
import { createMerge } from '#src/outbox/merge.js';
import { createPlanner } from '#src/outbox/plan.js';
import { createRelease } from '#src/outbox/release.js';
import { createSettle } from '#src/outbox/settle.js';
import type { Arena } from './arena.ts';

/** What all workers did, to be compared. */
export interface Deeds {
  /** Messages whose plan is stored: their reply logic must not run again. */
  planned: Set<string>;
  /** Calls that were made, by delivery and attempt. */
  called: Set<string>;
}

/** What a worker works with. */
export interface Shift {
  readonly arena: Arena;
  readonly deeds: Deeds;
  readonly statements: Statements;
  readonly life: Life;
}

export type Statements = ReturnType<typeof createStatements>;

export function createStatements(pool: Parameters<typeof createLook>[0]) {
  return {
    look: createLook(pool),
    merge: createMerge(pool),
    plan: createPlanner(pool),
    begin: createBegin(pool).begin,
    end: createEnd(pool),
    settle: createSettle(pool),
    release: createRelease(pool),
    entrust: createEntrust(pool),
  };
}

export interface Life {
  /** What the worker is registered as; another after it was given up for dead. */
  currentId(): Promise<number>;
  /** Passes some time, in which the worker may be given up. @returns false when it leaves everything as it is */
  step(): Promise<boolean>;
}

export async function createLife({ pool, random, counts }: Arena, mayDie: () => boolean): Promise<Life> {
  let id = await register();
  let isDead = false;

  async function register(): Promise<number> {
    const { rows } = await pool.query<{ id: number }>(
      `insert into wechat.worker_process (hostname, pid) values ('stress', $1) returning id`,
      [process.pid],
    );
    return rows[0]?.id ?? 0;
  }

  return {
    async currentId() {
      if (isDead) id = await register();
      isDead = false;
      return id;
    },
    async step() {
      await sleep(random() * 4);
      if (isDead || !mayDie() || random() > 0.01) return true;
      isDead = true;
      counts.buried += 1;
      await pool.query('update wechat.worker_process set ended_at = now() where id = $1', [id]);
      return random() < 0.7;
    },
  };
}
