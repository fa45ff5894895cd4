import type { PoolClient } from 'pg';
import type { Pool } from '../db/pool.js';
import type { ConnectCallback } from '../db/pool-connect.js';
import { describeError } from '../lib/describe-error.js';

/**
 * The pool as graphile-worker (0.18.0) should see it, so that an outage of Postgres neither ends the process nor makes
 * it wait longer than the outage lasts:
 *
 * - Told that Postgres is still starting up (57P03) it sleeps up to two minutes, longer each time. It knows this by the
 *   error's code; without one it looks again after the poll interval.
 * - Its listener, which connects with a callback, gives a broken connection back twice when it is being stopped at that
 *   moment; pg throws at the second time, where nobody catches it.
 */
export function steadyPool(pool: Pool): Pool {
  async function connect(): Promise<PoolClient> {
    try {
      return await pool.connect();
    } catch (error) {
      throw new Error(describeError(error), { cause: error });
    }
  }

  function connectListener(callback: ConnectCallback): void {
    pool.connect((error, client, release) => {
      let isReleased = false;
      callback(error, client, (reason) => {
        if (isReleased) return;
        isReleased = true;
        release(reason);
      });
    });
  }

  return Object.create(pool, {
    connect: { value: (callback?: ConnectCallback) => (callback ? connectListener(callback) : connect()) },
  }) as Pool;
}
