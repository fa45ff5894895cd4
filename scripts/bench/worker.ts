import type { Benchmark } from './benchmark.ts';
import type { Counts, Lab } from './lab.ts';
import { storeMessages, storeMessagesBefore } from './messages.ts';
import { startProduct, startProgram } from './processes.ts';

/** Half of them are answered until the JIT has compiled what is hot; the rate is that of the other half, for all alike. */
const messages = 48_000;
const byHandMessages = 10_000;
const posts = 120_000;

/** Replies a second through an API that answers at once. */
export const worker: Benchmark = async (lab, { rounds }, progress) => {
  const product: number[] = [];
  const byHand: number[] = [];
  const posting: number[] = [];
  const least: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const say = (what: string, rate: number | undefined) =>
      progress(`round ${round}: ${what} ${Math.round(rate ?? 0).toLocaleString('en')} replies/s`);
    byHand.push(await byHandRate(lab));
    say('by hand on graphile-worker:', byHand.at(-1));
    posting.push(await postingRate(lab));
    say('undici and nothing else:', posting.at(-1));
    least.push(await leastRate(lab));
    say('the least with every attempt on record:', least.at(-1));
    product.push((await drain(lab, { messages })).rate);
    say('product:', product.at(-1));
  }
  const unit = 'replies/s';
  return [
    {
      name: 'worker',
      unit,
      values: product,
      baseline: { name: 'graphile-worker, a job a message', values: byHand },
      goal: { kind: 'ratio-at-least', value: 6.5 },
    },
    {
      name: 'worker',
      unit,
      values: product,
      baseline: { name: 'the least with every attempt on record', values: least },
      goal: { kind: 'ratio-at-least', value: 0.57 },
    },
    {
      name: 'worker',
      unit,
      values: product,
      baseline: { name: 'undici and nothing else', values: posting },
    },
    {
      name: 'the least with every attempt on record',
      unit,
      values: least,
      baseline: { name: 'undici and nothing else', values: posting },
    },
  ];
};

export interface DrainResult {
  /** Replies a second, of the second half. */
  rate: number;
  /** The largest process. */
  peakMb: number;
}

/** Stores messages, starts workers, and waits until all are answered and settled. */
export async function drain(
  lab: Lab,
  options: { messages: number; processes?: number; empty?: boolean; settings?: Record<string, string> },
): Promise<DrainResult> {
  const { messages: count, processes = 1, empty = true, settings = {} } = options;
  if (empty) await lab.empty();
  await storeMessages(lab, count, Math.ceil(count / 2));
  await lab.resetCounts();
  const workers = await Promise.all(
    Array.from({ length: processes }, () => startProduct('worker', { ...lab.settings, ...settings })),
  );
  try {
    const rate = await warmRate(lab, count);
    await waitForSettled(lab);
    return { rate, peakMb: Math.max(...workers.map((one) => one.peakMb())) };
  } finally {
    await Promise.all(workers.map((one) => one.stop()));
  }
}

async function waitForSettled({ pool }: Lab): Promise<void> {
  for (;;) {
    const { rows } = await pool.query('select from wechat.inbound_message where settled_at is null limit 1');
    if (rows.length === 0) return;
  }
}

async function byHandRate(lab: Lab): Promise<number> {
  await lab.empty();
  await lab.pool.query(
    `insert into by_hand.message (dedupe_key, openid, msg_type, content, created_at, payload)
     select 'w' || n, 'o' || n, 'text', 'hello', now(), '{}' from generate_series(1, $1::int) n`,
    [byHandMessages],
  );
  await lab.pool.query(
    `select graphile_worker.add_jobs(array_agg(
       ('reply', json_build_object('id', id::text), null, now(), null, null, null, null)::graphile_worker.job_spec))
     from by_hand.message`,
  );
  return sendingRate(lab, 'by-hand-worker', byHandMessages, lab.settings);
}

/** How far a worker could get that does nothing but claim, plan, send and record. */
async function leastRate(lab: Lab): Promise<number> {
  await lab.empty();
  await storeMessagesBefore(lab, messages, messages / 2);
  return sendingRate(lab, 'least-worker', messages, lab.settings);
}

function postingRate(lab: Lab): Promise<number> {
  return sendingRate(lab, 'undici-only', posts, { ...lab.settings, MESSAGES: String(posts) });
}

async function sendingRate(
  lab: Lab,
  program: string,
  count: number,
  settings: Readonly<Record<string, string>>,
): Promise<number> {
  await lab.resetCounts();
  const process = await startProgram(program, settings);
  try {
    return await warmRate(lab, count);
  } finally {
    await process.stop();
  }
}

async function warmRate(lab: Lab, count: number): Promise<number> {
  const warm: Counts = await lab.waitForSends(count / 2);
  const all = await lab.waitForSends(count);
  return (all.sends - warm.sends) / ((all.lastAt - warm.lastAt) / 1_000);
}
