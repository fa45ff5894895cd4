/**
 * On BullMQ, as its documentation has it: `add` for each message, under an id made of the message's so that a repeated push is
 * stored once; a queue that fails at once while Redis is away, retries with backoff, a worker with a concurrency for jobs that wait
 * for others, and what it returns kept with the job. With ROLE=ingress it adds alone.
 */
import { Queue, Worker } from 'bullmq';
import { sendHello } from './send-hello.ts';
import { type Fields, serveWebhook } from './webhook.ts';

const { REDIS_PORT, ROLE } = process.env;
const redis = { host: '127.0.0.1', port: Number(REDIS_PORT) };

const queue = new Queue<Fields>('replies', {
  connection: { ...redis, enableOfflineQueue: false },
  defaultJobOptions: { attempts: 5, backoff: { type: 'exponential', delay: 1_000 } },
});
queue.on('error', console.error);
await queue.waitUntilReady();

if (ROLE === 'all') {
  const worker = new Worker<Fields>('replies', ({ data }) => sendHello(data.FromUserName), {
    connection: redis,
    concurrency: Number(process.env.CONCURRENCY ?? 200),
  });
  worker.on('error', console.error);
  await worker.waitUntilReady();
}

serveWebhook((message) => queue.add('reply', message, { jobId: `msg-${message.MsgId}` }));
