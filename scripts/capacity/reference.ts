import type { Costs } from './costs.ts';

/**
 * From the benchmarks on two cores of an AMD EPYC, Node 24, PostgreSQL 18: Postgres one by one and in sets, Node and WAL in sets. What a
 * message alone costs Node is an estimate. Yours differ: `npm run capacity -- --verify` measures them.
 */
export const reference: Costs = {
  ingressUs: { single: 700, grouped: 150 },
  workerUs: { single: 1_000, grouped: 200 },
  postgresUs: { single: 1_600, grouped: 400 },
  walBytes: { single: 5_000, grouped: 2_400 },
  diskBytes: 1_200,
  idleCores: { ingress: 0.003, worker: 0.006, postgres: 0.005 },
  commitMs: 1.5,
  connections: 21,
  gatherMs: 8,
};
