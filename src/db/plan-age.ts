import type { Pool, PoolClient } from 'pg';
import { wrapConnect } from './pool-connect.js';

/**
 * Bounds the age of the plans that Postgres keeps for a connection's statements.
 *
 * To plan anew for each execution is half of what a statement about one message costs. But a plan that was made while a table
 * was empty reads all of it, and may do so until the next analyse, however full the table is by then. So plans are kept for
 * moments: whoever takes a connection whose plans are older has them discarded first.
 */
export function limitPlanAge(pool: Pool, maxAgeMs: number): void {
  const plannedSince = new WeakMap<PoolClient, number>();
  wrapConnect(pool, (connect) => (callback) => {
    connect((error, client, release) => {
      if (!client) return callback(error, client, release);
      const now = performance.now();
      const since = plannedSince.get(client);
      if (since !== undefined && now - since < maxAgeMs) return callback(error, client, release);
      plannedSince.set(client, now);
      if (since === undefined) return callback(error, client, release);
      // No promise: what the caller throws is the caller's.
      client.query('discard plans', (failure) => {
        if (!failure) return callback(undefined, client, release);
        // It is lost, or silent: the statement that it was taken for would wait for its limit once more.
        release(failure);
        callback(failure, undefined, () => undefined);
      });
    });
  });
}
