import type { Costs } from './costs.ts';

/**
 * Of two cores of an AMD EPYC in a virtual machine, where to wake a process that sleeps costs most of what a message alone does; Node 24,
 * PostgreSQL 18, 2026-11-27. Yours differ: `npm run capacity -- --verify` measures them.
 */
export const reference: Costs = {
  ingressUs: { single: 2_060, grouped: 182 },
  workerUs: { single: 5_360, grouped: 257 },
  postgresUs: { single: 8_420, grouped: 384 },
  walBytes: { single: 4_420, grouped: 2_460 },
  diskBytes: 1_830,
  idleCores: { ingress: 0.005, worker: 0.012, postgres: 0.009 },
  commitMs: 0.45,
  connections: 21,
  gatherMs: 2.2,
};
