import { type ArriveResult, createArrive } from '../../src/outbox/arrive.js';
import { createBegin } from '../../src/outbox/begin.js';
import { createClaim, createClaimNumbers } from '../../src/outbox/claim.js';
import { createEnd } from '../../src/outbox/end.js';
import type { Hold } from '../../src/outbox/lane.js';
import { createLook } from '../../src/outbox/look.js';
import { createPlanner } from '../../src/outbox/plan.js';
import { heldBy, reconcile } from '../../src/outbox/reconcile.js';
import { createRelease } from '../../src/outbox/release.js';
import { rescue } from '../../src/outbox/rescue.js';
import { createSettle } from '../../src/outbox/settle.js';
import type { TestDatabase } from './database.js';
import { textMessage } from './messages.js';
import {
  createWorking,
  type Hand,
  type ModelWorker,
  type Surroundings,
  smooth,
  type Turn,
} from './model-worker.js';

export const users = ['anna', 'bert'] as const;
export const workerCount = 3;

type User = (typeof users)[number];

/** Numbers choose among what there is; where there is nothing, nothing happens. */
export type Step =
  | { step: 'users write'; users: readonly User[] }
  | { step: 'pushed again'; message: number }
  | { step: 'takes a job'; worker: number; keeps: boolean }
  | { step: 'claims all'; worker: number }
  /** So many statements or calls for one of the lanes in hand, of whichever worker. */
  | ({ step: 'goes on'; hand: number; times: number } & Turn)
  /** One of those at work. Its memory is gone; a new process starts. */
  | { step: 'crashes'; worker: number }
  /**
   * One of those at work stands still, and others rescue its messages; the heir claims what it can. It wakes as a new
   * worker, and goes on with what it had in hand.
   */
  | { step: 'is given up'; worker: number; heir: number | undefined }
  /** It signs off with work in hand, since its grace period is over, and a new process starts. */
  | { step: 'leaves'; worker: number; exits: boolean }
  | { step: 'returns strays'; worker: number }
  | { step: 'the crashed are rescued' }
  | { step: 'jobs are reconciled' }
  | { step: 'jobs are lost' }
  | { step: 'the account is paused' }
  | { step: 'the account is resumed' }
  | { step: 'an operator requeues'; delivery: number };

/** A request that reached WeChat. */
export interface Call {
  messageId: number;
  deliveryId: number;
  attempt: number;
  workerId: number;
  accepted: boolean;
  /** Its message was no longer its worker's. */
  late: boolean;
}

/** Deliveries given up without a call. */
export interface Verdict {
  messageId: number;
  workerId: number;
  /** Their message was no longer its worker's. */
  late: boolean;
  written: boolean;
}

/** What cannot be read from the database. */
export interface Seen {
  readonly calls: readonly Call[];
  readonly verdicts: readonly Verdict[];
  /** Results of all pushes, in order. */
  readonly pushes: readonly { msgId: string; result: ArriveResult }[];
  /** Deliveries that an operator requeued, and their messages. */
  readonly requeued: { deliveries: ReadonlySet<number>; messages: ReadonlySet<number> };
  /** What workers have in hand, as they believe. */
  held(): { laneId: number; claim: string; messageId: number; workerId: number }[];
}

export interface World {
  readonly seen: Seen;
  take(step: Step): Promise<void>;
  /** All goes on, and nothing goes wrong any more. @throws when that settles not all */
  settleAll(): Promise<void>;
}

export interface WorldOptions {
  database: TestDatabase;
  onUnknown: Surroundings['onUnknown'];
  /** Called after all that may have changed something. */
  look(): Promise<void>;
}

const appId = 'wxModel';

/** An empty database, and workers that have nothing to do. */
export async function createWorld({ database, onUnknown, look }: WorldOptions): Promise<World> {
  const { pool, rows } = database;
  const arrive = createArrive(pool);
  const { claim } = createClaim(pool);
  const nextClaim = createClaimNumbers();
  const release = createRelease(pool);
  const calls: Call[] = [];
  const verdicts: Verdict[] = [];
  const pushes: { msgId: string; result: ArriveResult }[] = [];
  const written: ReturnType<typeof textMessage>[] = [];
  const requeued = { deliveries: new Set<number>(), messages: new Set<number>() };
  const workers: ModelWorker[] = [];
  /** Workers of whom nothing but their row is left. */
  const crashed: number[] = [];
  let paused = false;
  /** Something happened after which the safety nets may be needed. */
  let disturbed = false;

  const work = createWorking({
    ...{ onUnknown, pauseAccount, release },
    ...{
      look: createLook(pool),
      plan: createPlanner(pool),
      end: createEnd(pool),
      settle: createSettle(pool),
    },
    ...createBegin(pool),
    isPaused: () => paused,
    async call({ message, workerId, ...hold }, deliveryId, attempt, accepted) {
      const late = await isLate(hold);
      calls.push({
        messageId: Number(message.id),
        deliveryId: Number(deliveryId),
        attempt,
        workerId,
        accepted,
        late,
      });
    },
    async watchVerdict({ message, workerId, ...hold }, statement) {
      const [late, open] = [await isLate(hold), await countOpen(message.id)];
      const result = await statement();
      const written = (await countOpen(message.id)) < open;
      verdicts.push({ messageId: Number(message.id), workerId, late, written });
      return result;
    },
  });

  for (const table of [
    'inbound_message',
    'delivery',
    'delivery_attempt',
    'lane',
    'worker_process',
    'account_pause',
  ])
    await pool.query(`delete from wechat.${table}`);
  await loseJobs();
  while (workers.length < workerCount) workers.push({ id: await register(), hands: [] });

  /** It holds no lock: for rescue all are missing, and the model says who is long enough. */
  async function register(): Promise<number> {
    const [row] = await rows<{ id: number }>(
      `insert into wechat.worker_process (hostname, pid) values ('model', 1) returning id`,
    );
    return row?.id ?? 0;
  }

  function loseJobs() {
    return pool.query('delete from graphile_worker._private_jobs');
  }

  async function pauseAccount(): Promise<void> {
    await pool.query('select wechat.pause($1)', [appId]);
    paused = true;
  }

  async function resumeAccount(): Promise<void> {
    await pool.query('select wechat.resume($1)', [appId]);
    paused = false;
  }

  async function isLate({ laneId, claim }: Hold): Promise<boolean> {
    return (await rows('select from wechat.lane where id = $1 and claim = $2', [laneId, claim])).length === 0;
  }

  async function countOpen(messageId: string): Promise<number> {
    const sql = `select from wechat.delivery where message_id = $1 and status in ('pending', 'sending')`;
    return (await rows(sql, [messageId])).length;
  }

  async function push(messages: typeof written): Promise<void> {
    const results = await arrive(messages.map((message) => ({ appId, ordered: true, message })));
    for (const [index, { msgId = '' }] of messages.entries())
      pushes.push({ msgId, result: results[index] ?? 'duplicate' });
  }

  async function takeUp(worker: ModelWorker, laneIds: readonly string[]): Promise<void> {
    const number = nextClaim(worker.id);
    const { held } = await claim(laneIds, worker.id, number);
    for (const laneId of held) {
      const hand = { hold: { laneId, claim: number }, workerId: worker.id } as Hand;
      hand.run = work(hand);
      await hand.run.next(smooth);
      worker.hands.push(hand);
    }
  }

  async function goOn(worker: ModelWorker, hand: Hand, turn: Turn): Promise<void> {
    const { done } = await hand.run.next(turn);
    if (done) worker.hands = worker.hands.filter((other) => other !== hand);
    await look();
  }

  async function giveUp(ids: readonly number[]): Promise<void> {
    const longAgo = `update wechat.worker_process set missing_since = now() - interval '1 day' where id = any($1)`;
    await pool.query(longAgo, [ids]);
    const theirs = 'select id from wechat.lane where worker_id = any($1)';
    const freed = await rows<{ id: string }>(theirs, [ids]);
    await rescue(pool, 3_600_000);
    const jobs = await rows<{ payload: { ids: string[] } }>(
      'select payload from graphile_worker._private_jobs',
    );
    const inJobs = new Set(jobs.flatMap(({ payload }) => payload.ids));
    const left = freed.filter(({ id }) => !inJobs.has(id));
    if (left.length > 0) throw new Error(`rescued, and without a job: ${JSON.stringify(left)}`);
  }

  /** What is this worker's by the database's word, and unknown to it. */
  async function returnStrays({ id, hands }: ModelWorker): Promise<number> {
    const inHand = new Set(hands.map(({ hold }) => `${hold.laneId} ${hold.claim}`));
    const held = await heldBy(pool, id, 0);
    const strays = held.filter(({ laneId, claim }) => !inHand.has(`${laneId} ${claim}`));
    await release(strays.map((hold) => ({ ...hold, delayMs: 0 })));
    return strays.length;
  }

  /** @param keeps it runs again: its worker died before it was done with the job */
  async function takeJob(worker: ModelWorker, keeps: boolean): Promise<boolean> {
    const [job] = await rows<{ id: string; payload: { ids: string[] } }>(
      'select id, payload from graphile_worker._private_jobs order by priority, run_at, id limit 1',
    );
    if (!job) return false;
    await takeUp(worker, job.payload.ids);
    if (!keeps) await pool.query('delete from graphile_worker._private_jobs where id = $1', [job.id]);
    return true;
  }

  /** Also of a message that is still open, or in a worker's hand. */
  async function requeue(index: number): Promise<void> {
    const candidates = await rows<{ id: string; message_id: string }>(
      `select id, message_id from wechat.delivery where status in ('failed', 'expired', 'unknown') order by id`,
    );
    const chosen = pick(candidates, index);
    if (!chosen) return;
    const [answer] = await rows<{ result: string }>('select wechat.requeue($1, true) as result', [chosen.id]);
    if (answer?.result !== 'requeued') return;
    requeued.deliveries.add(Number(chosen.id));
    requeued.messages.add(Number(chosen.message_id));
  }

  /** Those who die do so with something in hand, if anybody has. */
  function choose(step: Step): ModelWorker | undefined {
    const isEnd = ['crashes', 'is given up', 'leaves'].includes(step.step);
    const busy = workers.filter(({ hands }) => hands.length > 0);
    return pick(isEnd && busy.length > 0 ? busy : workers, 'worker' in step ? step.worker : 0);
  }

  async function claimAll(worker: ModelWorker): Promise<void> {
    const all = await rows<{ id: string }>('select id from wechat.lane');
    await takeUp(
      worker,
      all.map(({ id }) => id),
    );
  }

  async function take(step: Step): Promise<void> {
    const worker = choose(step);
    if (!worker) return;
    if (['crashes', 'is given up', 'leaves', 'jobs are lost', 'jobs are reconciled'].includes(step.step))
      disturbed = true;
    switch (step.step) {
      case 'users write': {
        const messages = step.users.map((openid) => textMessage({ openid }));
        written.push(...messages);
        await push(messages);
        break;
      }
      case 'pushed again': {
        const message = pick(written, step.message);
        if (message) await push([message]);
        break;
      }
      case 'takes a job':
        await takeJob(worker, step.keeps);
        break;
      case 'claims all':
        await claimAll(worker);
        break;
      case 'goes on': {
        const inHand = workers.flatMap((owner) => owner.hands.map((hand) => ({ owner, hand })));
        const { owner, hand } = pick(inHand, step.hand) ?? {};
        for (let time = 0; hand && owner?.hands.includes(hand) && time < step.times; time += 1)
          await goOn(owner, hand, step);
        break;
      }
      case 'crashes':
        crashed.push(worker.id);
        worker.hands = [];
        worker.id = await register();
        break;
      case 'is given up': {
        await giveUp([worker.id]);
        // Before it knows.
        await claimAll(worker);
        worker.id = await register();
        const heir = step.heir === undefined ? undefined : pick(workers, step.heir);
        if (heir) await claimAll(heir);
        break;
      }
      case 'leaves':
        await pool.query('update wechat.worker_process set ended_at = now() where id = $1', [worker.id]);
        if (step.exits) worker.hands = [];
        worker.id = await register();
        break;
      case 'returns strays':
        await returnStrays(worker);
        break;
      case 'the crashed are rescued':
        await giveUp(crashed);
        break;
      case 'jobs are reconciled':
        await reconcile(pool, 0);
        break;
      case 'jobs are lost':
        await loseJobs();
        break;
      case 'the account is paused':
        await pauseAccount();
        break;
      case 'the account is resumed':
        await resumeAccount();
        break;
      case 'an operator requeues':
        await requeue(step.delivery);
        break;
    }
    await look();
  }

  async function finishHands(): Promise<void> {
    for (const worker of workers)
      for (let hand = worker.hands[0]; hand; hand = worker.hands[0]) await goOn(worker, hand, smooth);
  }

  async function settleAll(): Promise<void> {
    await finishHands();
    await resumeAccount();
    await giveUp(crashed);
    for (let round = 0; round < 100; round += 1) {
      await look();
      const worker = pick(workers, round);
      if (worker && (await takeJob(worker, false))) {
        await finishHands();
        continue;
      }
      const left = await rows<{ id: string }>(
        'select id from wechat.inbound_message where settled_at is null order by id',
      );
      const ids = left.map(({ id }) => id).join(', ');
      if (!ids) return;
      if (!disturbed) throw new Error(`without a job, though nothing went wrong: messages ${ids}`);
      let helped = await reconcile(pool, 0);
      for (const each of workers) helped += await returnStrays(each);
      if (helped === 0) throw new Error(`stranded: messages ${ids}`);
    }
    throw new Error('jobs without end, and not all settled');
  }

  function held(): ReturnType<Seen['held']> {
    const hands = workers.flatMap((worker) => worker.hands);
    return hands.flatMap(({ hold: { laneId, claim }, workerId, message }) =>
      message ? [{ laneId: Number(laneId), claim, messageId: Number(message.id), workerId }] : [],
    );
  }

  return { seen: { calls, verdicts, pushes, requeued, held }, take, settleAll };
}

function pick<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % Math.max(1, items.length)];
}
