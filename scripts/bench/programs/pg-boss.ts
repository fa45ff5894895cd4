/**
 * On pg-boss, as its documentation has it: `send` for each message, under an id made of the message's so that a repeated push is
 * stored once; a worker that takes jobs in batches, fetches on while batches are full, and settles each with a result of its own.
 * With ROLE=ingress it sends alone.
 */
import { type Job, type JobResult, PgBoss } from 'pg-boss';
import { sendHello } from './send-hello.ts';
import { type Fields, serveWebhook } from './webhook.ts';

const { DATABASE_URL = '', ROLE } = process.env;
const queue = 'replies';

const boss = new PgBoss({ connectionString: DATABASE_URL, max: 20 });
boss.on('error', console.error);
await boss.start();
await boss.createQueue(queue, { retryLimit: 5, retryDelay: 1, retryBackoff: true });

async function reply({ id, data }: Job<Fields>): Promise<JobResult> {
  try {
    return { id, status: 'completed', output: await sendHello(data.FromUserName) };
  } catch (error) {
    return { id, status: 'failed', output: String(error) };
  }
}

if (ROLE === 'all') {
  const options = {
    batchSize: Number(process.env.BATCH_SIZE ?? 100),
    localConcurrency: Number(process.env.LOCAL_CONCURRENCY ?? 2),
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
    perJobResults: true,
  } as const;
  await boss.work<Fields>(queue, options, (jobs) => Promise.all(jobs.map(reply)));
}

/** Ids are UUIDs, and a message's is a number of 64 bits. */
function idOf(msgId = '0'): string {
  const digits = BigInt(msgId).toString(16).padStart(16, '0');
  return `00000000-0000-8000-${digits.slice(0, 4)}-${digits.slice(4)}`;
}

serveWebhook((message) => boss.send(queue, message, { id: idOf(message.MsgId) }));
