import type { TestDatabase } from './database.js';

/** A worker that holds no lock: alive until somebody looks. */
export async function registerWorker(database: TestDatabase): Promise<number> {
  const [row] = await database.rows<{ id: number }>(
    `insert into wechat.worker_process (hostname, pid) values ('test', 1) returning id`,
  );
  return row?.id ?? 0;
}
