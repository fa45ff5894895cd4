import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import {
  createWorld,
  type Step,
  users,
  type WorldOptions,
  workerCount,
} from '../support/conversation-model.js';
import { createRules } from '../support/conversation-rules.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Answer, answers } from '../support/model-worker.js';

/**
 * The conversation state machine under random interleavings of users, workers, deaths and operators, over a real
 * Postgres. The workers are models (model-worker.ts) around the real statements and the real steps of an attempt; between
 * any two of these a worker may stand still, die, or be given up for dead and go on with what it remembers.
 *
 * What is promised, and checked after every statement and call (conversation-rules.ts):
 *
 * - **Order.** A worker calls WeChat for a message that is its own only while no later reply to that user has been
 *   called. No fence reaches a request on its way out: a worker whose message was given away after it began an attempt
 *   may still make that one call, and no other. Such a late call is a duplicate of one that was made in its turn, but for
 *   one case: with `onUnknown: hold` nobody repeats the attempt that is in doubt, the conversation goes on without it,
 *   and its request may come after what follows it. What an operator requeues leaves when it is requeued.
 * - **Once.** Another attempt begins only after the one before is on record, and not as `sent`; where WeChat had
 *   accepted that, it is on record as `unknown`, or was until its late end came. No attempt is called twice.
 * - **The fence.** One worker at most has a lane in hand that is its own, and no unsettled message is before the one that it works
 *   on, but for one that was requeued; others can give up nothing of it. An open message has a lane, whose cursor is before it.
 * - **Plans** never change; neither do final results, until an operator requeues. A settled message has nothing open.
 * - **Honesty.** A call is on record, or its delivery says `sending`. What says `sent` was accepted.
 * - **Nothing is lost**, duplicates are stored once, and in the end all is settled: by jobs alone where nobody died and no job
 *   was lost, else with the help of rescue, strays and reconciler.
 *
 * What is beyond it: statements that run at the very same time, and requests that the network delays.
 */
type OnUnknown = WorldOptions['onUnknown'];

/** For a longer look: MODEL_RUNS=3000. A failure prints its steps, to be kept below under a name. */
const runs = Number(process.env.MODEL_RUNS ?? 60);
const timeLimitMs = process.env.MODEL_RUNS ? 3_600_000 : 12_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function live(steps: readonly Step[], onUnknown: OnUnknown): Promise<void> {
  const check = createRules(database, onUnknown);
  const world = await createWorld({ database, onUnknown, look: () => check(world.seen) });
  for (const step of steps) await world.take(step);
  await world.settleAll();
}

/** The arbitrary of a step, from those of its parts. */
function any<Name extends Step['step']>(
  step: Name,
  parts: { [Key in Exclude<keyof Extract<Step, { step: Name }>, 'step'>]: fc.Arbitrary<unknown> },
): fc.Arbitrary<Step> {
  return fc.record(
    { step: fc.constant(step), ...parts },
    { noNullPrototype: true },
  ) as fc.Arbitrary<unknown> as fc.Arbitrary<Step>;
}

const worker = fc.nat({ max: workerCount - 1 });
const user = fc.constantFrom(...users);
const nth = fc.nat({ max: 5 });
const yes = fc.boolean();

const goesOn = (among: readonly Answer[]): fc.WeightedArbitrary<Step> => ({
  weight: 24,
  arbitrary: any('goes on', {
    ...{
      hand: nth,
      times: fc.integer({ min: 1, max: 4 }),
      replies: fc.constantFrom(1, 2, 3, 0),
      atOnce: yes,
    },
    answer: fc.oneof(
      { weight: 3, arbitrary: fc.constant('accepted') },
      { weight: 2, arbitrary: fc.constant('refused') },
      { weight: 5, arbitrary: fc.constantFrom(...among) },
    ),
  }),
});

const daily: fc.WeightedArbitrary<Step>[] = [
  { weight: 6, arbitrary: any('users write', { users: fc.array(user, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: any('pushed again', { message: nth }) },
  { weight: 8, arbitrary: any('takes a job', { worker, keeps: yes }) },
  { weight: 2, arbitrary: any('claims all', { worker }) },
  { weight: 1, arbitrary: any('returns strays', { worker }) },
  { weight: 1, arbitrary: any('jobs are reconciled', {}) },
  { weight: 1, arbitrary: any('the account is paused', {}) },
  { weight: 6, arbitrary: any('the account is resumed', {}) },
];
const requeues: fc.WeightedArbitrary<Step> = {
  weight: 3,
  arbitrary: any('an operator requeues', { delivery: nth }),
};
const leaves: fc.WeightedArbitrary<Step> = { weight: 3, arbitrary: any('leaves', { worker, exits: yes }) };
const deaths: fc.WeightedArbitrary<Step>[] = [
  { weight: 3, arbitrary: any('crashes', { worker }) },
  { weight: 5, arbitrary: any('is given up', { worker, heir: fc.option(worker, { nil: undefined }) }) },
  { weight: 3, arbitrary: any('the crashed are rescued', {}) },
  { weight: 1, arbitrary: any('jobs are lost', {}) },
];

const someOf = (...among: fc.WeightedArbitrary<Step>[]) =>
  fc
    .tuple(
      any('users write', { users: fc.array(user, { minLength: 2, maxLength: 5 }) }),
      fc.array(fc.oneof(...among), { minLength: 10, maxLength: 60, size: 'max' }),
    )
    .map(([first, rest]) => [first, ...rest]);
const steps = fc.oneof(
  { weight: 1, arbitrary: someOf(...daily, goesOn(answers), requeues) },
  { weight: 3, arbitrary: someOf(...daily, goesOn(answers), requeues, leaves, ...deaths) },
);

test('whatever happens to its workers, a conversation is answered in order and once, and nothing is lost', {
  timeout: timeLimitMs + 30_000,
}, async () => {
  let latest = Promise.resolve();
  const property = fc.asyncProperty(
    steps,
    fc.constantFrom<OnUnknown[]>('resend', 'hold'),
    (lived, onUnknown) => {
      latest = live(lived, onUnknown);
      return latest;
    },
  );
  await fc.assert(property, { numRuns: runs, interruptAfterTimeLimit: timeLimitMs });
  // Where time is up, the run under way goes on, in the database of the tests below.
  await latest;
});

/** Two messages, and one worker that takes up the first. */
const begin: readonly Step[] = [
  { step: 'users write', users: ['anna', 'anna'] },
  { step: 'takes a job', worker: 0, keeps: false },
];
const takeOver: Step = { step: 'is given up', worker: 0, heir: 1 };

function goes(hand: number, times: number, answer: Answer = 'accepted', atOnce = false): Step {
  return { step: 'goes on', hand, times, answer, replies: 2, atOnce };
}

test.each([
  ['before it planned', [], 3],
  ['before it began', [goes(0, 1)], 2],
  ['with the attempt begun', [goes(0, 2)], 4],
  ['with the attempt begun and planned at once', [goes(0, 1, 'accepted', true)], 4],
  ['with the call made', [goes(0, 3)], 6],
  ['before a retry', [goes(0, 1), goes(0, 3, 'busy')], 1],
  ['with a new token', [goes(0, 4, 'token')], 2],
  ['before the last result', [goes(0, 6)], 2],
  ['before it gave up the rest', [goes(0, 1), goes(0, 3, 'blocked')], 2],
] as const)('a worker that was given up %s, and lives, does no harm', async (_name, before, untilOther) => {
  for (const onUnknown of ['resend', 'hold'] as const) {
    for (let times = 0; times <= untilOther; times += 1)
      await live([...begin, ...before, takeOver, goes(1, times), goes(0, 9)], onUnknown);
  }
});

// Found by the model: for a call that was made, the number of the attempt decides; where none was made, the claim.
test('a worker that was given up cannot give up a delivery for which it made no call', () =>
  live([...begin, goes(0, 1), takeOver, goes(0, 1, 'no media')], 'resend'));
