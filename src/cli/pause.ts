import { readDatabaseConfig } from '../config.js';
import { createPool, type Pool } from '../db/pool.js';
import { createLogger } from '../observe/log.js';
import { describePause, readPauses } from '../outbox/pauses.js';
import { useDatabase } from './database.js';

export interface PauseOptions {
  environment: Record<string, string | undefined>;
  appId: string;
}

/** `wechat-outbox pause ACCOUNT`: its sends rest, in all processes, until resumed. */
export async function pauseCommand({
  environment,
  appId,
  reason,
}: PauseOptions & { reason: string | undefined }): Promise<void> {
  await withPool(environment, async (pool) => {
    await pool.query('select wechat.pause($1, $2)', [appId, reason ?? null]);
    const pause = (await readPauses(pool)).find((one) => one.appId === appId);
    if (pause) process.stdout.write(`${describePause(pause)}\n`);
  });
}

/** `wechat-outbox resume ACCOUNT`: ends a pause, whoever began it. */
export async function resumeCommand({ environment, appId }: PauseOptions): Promise<void> {
  await withPool(environment, async (pool) => {
    const { rows } = await pool.query<{ resumed: boolean }>('select wechat.resume($1) as resumed', [appId]);
    process.stdout.write(rows[0]?.resumed ? `${appId} goes on\n` : `${appId} was not paused\n`);
  });
}

async function withPool(
  environment: Record<string, string | undefined>,
  use: (pool: Pool) => Promise<void>,
): Promise<void> {
  const config = readDatabaseConfig(environment);
  const database = await useDatabase(config, createLogger('warn'));
  const pool = createPool({
    connectionString: database.url,
    name: 'command',
    max: 1,
    statementTimeoutMs: 60_000,
    onError: () => undefined,
  });
  try {
    await use(pool);
  } finally {
    await pool.end();
    await database.release();
  }
}
