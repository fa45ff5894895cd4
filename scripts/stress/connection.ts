import { setTimeout as sleep } from 'node:timers/promises';
import type { QueryConfig, QueryResult } from 'pg';
import { classifyDatabaseError } from '#src/db/errors.js';
import { createPool, type Pool } from '#src/db/pool.js';
import type { Arena } from './arena.ts';

export interface ShakyOptions {
  name: string;
  /** Shares of statements that are rolled back, and of those whose answer is lost after the commit. Both are tried again. */
  rollBack: number;
  loseResult: number;
  /** The claims under which the session writes: for the check of the fence. Absent: not a worker's. */
  claims?: () => readonly string[];
}

export interface Shaky {
  /** A pool of one connection, for the statements of src/outbox. */
  readonly pool: Pool;
  close(): Promise<void>;
}

/** A connection on which things go wrong, and whose statements sleep now and then behind their snapshots. */
export function openShaky(arena: Arena, { name, rollBack, loseResult, claims }: ShakyOptions): Shaky {
  const { counts, violate, random } = arena;
  const pool = createPool({
    connectionString: arena.url,
    name,
    max: 1,
    statementTimeoutMs: 60_000,
    onError: () => undefined,
  });

  /** Once. Undefined: it came to nothing, or nobody knows. */
  async function attempt(config: QueryConfig): Promise<QueryResult | undefined> {
    const client = await pool.connect();
    try {
      await client.query('begin');
      if (claims) await client.query(`select set_config('stress.claims', $1, true)`, [claims().join(',')]);
      const result = await client.query(config);
      if (random() < rollBack) {
        await client.query('rollback');
        counts.rolledBack += 1;
        return undefined;
      }
      await client.query('commit');
      if (random() >= loseResult) return result;
      counts.triedAgain += 1;
      return undefined;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      if (classifyDatabaseError(error) !== 'conflict') throw error;
      counts.deadlocks += 1;
      violate(`${name}: ${error instanceof Error ? error.message : error} in ${config.text.slice(0, 80)}`);
      return undefined;
    } finally {
      client.release();
    }
  }

  async function query(first: string | QueryConfig, values?: unknown[]): Promise<QueryResult> {
    const { text, values: own } = typeof first === 'string' ? { text: first, values } : first;
    const config = { text: napping(text), ...(own && { values: own }) };
    for (;;) {
      const result = await attempt(config);
      if (result) return result;
      await sleep(random() * 5);
    }
  }

  return { pool: { query } as unknown as Pool, close: () => pool.end() };
}

/** A sleep where the statement reads first: its snapshot is taken by then, and its locks are not. */
function napping(text: string): string {
  return text.replace(/from (unnest\(|json_to_recordset\(|wechat\.lane l\b)/, 'from stress.nap() as nap, $1');
}
