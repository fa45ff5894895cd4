import { describe, expect, it } from 'vitest';
import {
  busyShare,
  type Costs,
  coresAt,
  costAt,
  fitCost,
  fitGatherMs,
  groupSize,
  highestRate,
  sumOf,
  underLoad,
} from '../../scripts/capacity/costs.ts';
import { type Assumptions, peakRate, plan, usualLimits } from '../../scripts/capacity/plan.ts';
import { inGroups, oneByOne, simulate } from '../../scripts/capacity/simulate.ts';

const costs: Costs = {
  ingressUs: { single: 600, grouped: 100 },
  workerUs: { single: 900, grouped: 150 },
  postgresUs: { single: 1_500, grouped: 300 },
  walBytes: { single: 5_000, grouped: 2_000 },
  diskBytes: 1_000,
  idleCores: { ingress: 0.002, worker: 0.004, postgres: 0.004 },
  commitMs: 2,
  connections: 21,
  gatherMs: 8,
};

const assumptions = (users: number, more: Partial<Assumptions> = {}): Assumptions => ({
  users,
  messagesPerUserDay: 1,
  peakFactor: 5,
  retentionDays: 30,
  ...more,
});

describe('what a message costs', () => {
  it('is the whole statement where nothing else arrives, and near its own share in large groups', () => {
    expect(groupSize(0, 8)).toBe(1);
    expect(costAt(costs.postgresUs, 0, 8)).toBe(1_500);
    expect(costAt(costs.postgresUs, 1e6, 8)).toBeCloseTo(300, 0);
  });

  it('lies half way where two share a statement', () => {
    expect(costAt(costs.postgresUs, 125, 8)).toBe(900);
  });

  const at = (ratePerSecond: number) => ({ ratePerSecond, cost: costAt(costs.workerUs, ratePerSecond, 8) });

  it('is found again from what it was at two rates and in large groups', () => {
    const gatherMs = fitGatherMs(at(20), at(300), 150);
    expect(gatherMs).toBeCloseTo(8);
    const found = fitCost(at(20), 150, gatherMs);
    expect(found.single).toBeCloseTo(900);
    expect(found.grouped).toBeCloseTo(150);
  });

  it('never falls below nothing, whatever noise was measured', () => {
    const low = { ratePerSecond: 20, cost: 100 };
    expect(fitGatherMs(low, { ratePerSecond: 300, cost: 200 }, 50)).toBe(0);
    expect(fitGatherMs(low, { ratePerSecond: 300, cost: 51 }, 50)).toBe(1_000);
    expect(fitGatherMs(low, { ratePerSecond: 300, cost: 50 }, 50)).toBe(1_000);
    expect(fitCost(low, 200, 0)).toEqual({ single: 100, grouped: 100 });
  });

  it('falls with the load: groups gather for longer on a busy machine, until all of it is busy', () => {
    const load = (ratePerSecond: number) => ({ ratePerSecond, cores: 2 });
    expect(underLoad(costs, load(1)).gatherMs).toBeCloseTo(8, 1);
    const busy = underLoad(costs, load(2_500));
    expect(busy.gatherMs).toBeGreaterThan(9);
    expect(busyShare(busy, load(2_500))).toBeLessThan(busyShare(costs, load(2_500)));
    expect(busyShare(underLoad(costs, load(10_000)), load(10_000))).toBeGreaterThan(1);
  });
});

describe('the highest rate', () => {
  it('fills the cores, or the one thread of a role', () => {
    const coresOf = (ratePerSecond: number, cores: number) =>
      coresAt(underLoad(costs, { ratePerSecond, cores }), ratePerSecond);
    expect(sumOf(coresOf(highestRate(costs, 2), 2))).toBeCloseTo(2);
    expect(coresOf(highestRate(costs, 64), 64).worker).toBeCloseTo(1);
  });

  it('is lower where other work is beside it', () => {
    expect(highestRate(costs, 2, 100)).toBeLessThan(highestRate(costs, 2));
  });
});

describe('a plan', () => {
  it('takes the peak from users, messages a day and the peak factor', () => {
    expect(peakRate(assumptions(86_400))).toBe(5);
    expect(peakRate(assumptions(86_400, { messagesPerUserDay: 0.2, peakFactor: 10 }))).toBeCloseTo(2);
  });

  it('is one small machine for one user, and for a hundred thousand', () => {
    for (const users of [1, 100_000]) {
      const { machines, postgres, ingressProcesses, workerProcesses } = plan(costs, assumptions(users));
      expect(machines).toEqual({ kind: 'one', cores: 2 });
      expect([postgres, ingressProcesses, workerProcesses]).toEqual([1, 1, 1]);
    }
  });

  it('needs another Postgres where one would be full of CPU, of WAL or of rows', () => {
    const full = (more: Partial<typeof usualLimits>) =>
      plan(costs, assumptions(1e8), { ...usualLimits, diskBytes: 1e15, ...more });
    expect(full({}).postgres).toBe(1);
    expect(full({ coresOfPostgres: 1 }).postgres).toBeGreaterThan(1);
    expect(full({ walBytesPerSecond: 5e6 })).toMatchObject({ postgres: 4, firstFull: 'wal' });
    expect(full({ diskBytes: 1e12 })).toMatchObject({ postgres: 3, firstFull: 'disk', diskBytes: 3e12 });
  });

  it('needs no other Postgres for connections alone', () => {
    expect(plan(costs, assumptions(1e7), { ...usualLimits, connections: 10 })).toMatchObject({
      postgres: 1,
      firstFull: 'connections',
    });
  });

  it('adds processes, each of one thread, before a core is full', () => {
    const { cores, workerProcesses } = plan(costs, assumptions(1e8));
    expect(workerProcesses).toBe(Math.ceil(cores.worker / usualLimits.fullShare));
  });

  it('counts the accounts that WeChat would allow so many messages', () => {
    expect(plan(costs, assumptions(1)).accountsAtLeast).toBe(1);
    expect(plan(costs, assumptions(1e7)).accountsAtLeast).toBe(20);
  });
});

describe('the simulation', () => {
  it('lets one wait for another in a queue', () => {
    expect(oneByOne([0, 1, 10], 3)).toEqual([3, 6, 13]);
  });

  it('stores together what arrives while a group is stored', () => {
    expect(inGroups([0, 1, 2, 20], { fixedMs: 10, eachMs: 1 })).toEqual([11, 23, 23, 34]);
  });

  const at = (ratePerSecond: number) =>
    simulate(costs, { ratePerSecond, cores: 2, seconds: 20, arrivals: 'even', random: () => 0.5 });

  it('takes at least three commits, and longer the busier the machine is', () => {
    const quiet = at(5);
    expect(quiet.p50Ms).toBeGreaterThan(3 * costs.commitMs);
    expect(at(1_000).p99Ms).toBeGreaterThan(quiet.p99Ms);
  });

  it('has no end where more arrives than the machine bears', () => {
    expect(at(10_000).p99Ms).toBe(Number.POSITIVE_INFINITY);
  });
});
