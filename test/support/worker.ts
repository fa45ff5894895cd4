import type { Result } from '../../src/outbox/record.js';
import type { TestDatabase } from './database.js';

/** A worker that holds no lock: alive until somebody looks. */
export async function registerWorker(database: TestDatabase): Promise<number> {
  const [row] = await database.rows<{ id: number }>(
    `insert into wechat.worker_process (hostname, pid) values ('test', 1) returning id`,
  );
  return row?.id ?? 0;
}

/** The end of the last delivery's attempt. */
export function sent(of: Pick<Result, 'deliveryId' | 'messageId' | 'workerId' | 'attempt'>): Result {
  return {
    ...of,
    call: { startedAt: new Date(), finishedAt: new Date(), outcome: 'sent', httpStatus: 200 },
    errcode: 0,
    errmsg: 'ok',
    status: 'sent',
    failures: 0,
    delayMs: undefined,
    settlesMessage: true,
  };
}
