import { setTimeout as sleep } from 'node:timers/promises';
import { createClaim, createClaimNumbers } from '#src/outbox/claim.js';
import type { Hold } from '#src/outbox/lane.js';
import type { Arena } from './arena.ts';
import { openShaky } from './connection.ts';
import { nextJob } from './jobs.ts';
import { round } from './round.ts';
import { createLife, createStatements, type Deeds, type Shift } from './shift.ts';

export interface WorkerOptions {
  name: string;
  deeds: Deeds;
  mayDie(): boolean;
  isOver(): boolean;
}

const busyTries = 3;
const largestSet = 8;

/** Works on lanes by sets, as the service does, until told to stop; now and then it is given up for dead and goes on. */
export async function work(arena: Arena, { name, deeds, mayDie, isOver }: WorkerOptions): Promise<void> {
  let claims: string[] = [];
  const connection = openShaky(arena, { name, rollBack: 0.05, loseResult: 0.05, claims: () => claims });
  const { claim } = createClaim(connection.pool);
  const statements = createStatements(connection.pool);
  const nextNumber = createClaimNumbers();
  const life = await createLife(arena, mayDie);

  while (!isOver()) {
    const id = await life.currentId();
    const job = await nextJob(arena);
    if (!job) {
      await sleep(3);
      continue;
    }
    const { held, busy } = await claimAll(id, job.laneIds);
    await job.done(busy);
    for (let at = 0; at < held.length; at += largestSet)
      await workOn({ arena, deeds, statements, life }, held.slice(at, at + largestSet));
    claims = [];
  }
  await connection.close();

  async function claimAll(id: number, laneIds: readonly string[]): Promise<{ held: Hold[]; busy: string[] }> {
    const held: Hold[] = [];
    let wanted = [...laneIds];
    for (let tries = 0; wanted.length > 0 && tries < busyTries; tries += 1) {
      if (tries > 0) await sleep(20);
      const number = nextNumber(id);
      claims.push(number);
      const result = await claim(wanted, id, number);
      arena.counts.claims += result.held.length;
      arena.counts.busy += result.busy.length;
      held.push(...result.held.map((laneId) => ({ laneId, claim: number })));
      wanted = result.busy;
    }
    return { held, busy: wanted };
  }
}

async function workOn(shift: Shift, holds: readonly Hold[]): Promise<void> {
  let next: readonly Hold[] = holds;
  while (next.length > 0) {
    shift.arena.counts.looks += 1;
    const lanes = (await shift.statements.look(next)).filter((lane) => lane !== undefined);
    const again = await round(shift, lanes);
    if (!again) return;
    next = again;
  }
}
