import type { Benchmark } from './benchmark.ts';
import type { Lab } from './lab.ts';
import {
  type Costs,
  createMeter,
  driveInPhases,
  driveOneByOne,
  type Meter,
  phases,
  sum,
  wholeAnswer,
  workersPart,
} from './models/drive.ts';
import { lanesByCursorAlone, lanesWithClosingUpdate } from './models/lanes.ts';
import type { Model, OpenModel } from './models/model.ts';
import { product } from './models/product.ts';
import { today } from './models/today.ts';
import type { Measure } from './report.ts';

/** Few, so that the models take turns often: a machine's speed changes within minutes. */
const messages = 20_000;
const passesInRound = 3;
/** Until statements are parsed and caches filled. */
const warmUpMessages = 3_000;
const queueLength = 10_000;
/** Of that queue, one by one. */
const queueAnswers = 300;

/** Compared with today's model; the goals are for those that are judged. */
const contenders: readonly { model: Model; isJudged: boolean }[] = [
  { model: product, isJudged: true },
  { model: lanesWithClosingUpdate, isJudged: false },
  { model: lanesByCursorAlone, isJudged: false },
];

interface Rounds {
  model: Model;
  isJudged: boolean;
  costs: Costs[];
  /** Once more, with a checkpoint before each phase. */
  afterCheckpoints?: Costs;
  /** CPU a message, in microseconds. */
  oneUser: number[];
  manyUsers: number[];
}

/** What each model costs Postgres, in CPU and in bytes of WAL, by phase; nothing else is at work. */
export const models: Benchmark = async (lab, { rounds }, progress) => {
  const connectionString = lab.settings.DATABASE_URL ?? '';
  const meter = await createMeter(lab.pool);
  const all: Rounds[] = [{ model: today, isJudged: false }, ...contenders].map((one) => ({
    ...one,
    costs: [],
    oneUser: [],
    manyUsers: [],
  }));
  const quiet = ['autovacuum = off', `checkpoint_timeout = '1h'`];
  for (const setting of quiet) await lab.pool.query(`alter system set ${setting}`);
  await lab.pool.query('select pg_reload_conf()');
  const opened: [Rounds, OpenModel][] = [];
  try {
    for (const one of all) {
      const model = await one.model.open(connectionString);
      opened.push([one, model]);
      await driveInPhases(model, meter, warmUpMessages);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (let pass = 1; pass <= passesInRound; pass += 1) {
        for (const [one, model] of opened) {
          await afresh(model, lab);
          one.costs.push(await driveInPhases(model, meter, messages));
          progress(`round ${round}: ${one.model.name}: ${describe(one.costs.at(-1) ?? {})}`);
        }
      }
      for (const [one, model] of opened) {
        await measureQueues(one, model, meter, lab);
        const [user, users] = [one.oneUser, one.manyUsers].map((values) => Math.round(values.at(-1) ?? 0));
        progress(
          `round ${round}: ${one.model.name}: ${queueLength} of one user ${user} us, of as many users ${users} us`,
        );
      }
    }
    for (const [one, model] of opened) {
      await afresh(model, lab);
      one.afterCheckpoints = await driveInPhases(model, meter, messages, () => checkpoint(lab));
    }
  } finally {
    for (const [, model] of opened) await model.close();
    await lab.pool.query('alter system reset all');
    await lab.pool.query('select pg_reload_conf()');
  }
  const [baseline, ...others] = all;
  return baseline ? [...others.flatMap((one) => compare(one, baseline)), queueOf(baseline)] : [];
};

async function checkpoint({ pool }: Lab): Promise<void> {
  await pool.query('checkpoint');
}

async function afresh(model: OpenModel, lab: Lab): Promise<void> {
  await model.empty();
  await checkpoint(lab);
}

async function measureQueues(one: Rounds, model: OpenModel, meter: Meter, lab: Lab): Promise<void> {
  const answers = queueAnswers;
  for (const [values, users] of [
    [one.manyUsers, queueLength],
    [one.oneUser, 1],
  ] as const) {
    await afresh(model, lab);
    values.push((await driveOneByOne(model, meter, { messages: queueLength, users, answers })).cpuUs);
  }
  await model.empty();
}

function describe(costs: Costs): string {
  const parts = phases.flatMap((phase) => {
    const cost = costs[phase];
    return cost ? [`${phase} ${cost.cpuUs.toFixed(1)} us ${Math.round(cost.wal)} B`] : [];
  });
  const [cpu, wal] = (['cpuUs', 'wal'] as const).map((what) => sum(costs, wholeAnswer, what));
  return [...parts, `all but vacuum ${cpu?.toFixed(1)} us ${Math.round(wal ?? 0)} B`].join('; ');
}

function compare(one: Rounds, baseline: Rounds): Measure[] {
  const { model, isJudged } = one;
  const row = (name: string, unit: string, pick: (costs: Costs) => number, value?: number): Measure => ({
    name: `${name} (${model.name})`,
    unit,
    values: one.costs.map(pick),
    baseline: { name: baseline.model.name, values: baseline.costs.map(pick) },
    ...(isJudged && value !== undefined ? { goal: { kind: 'ratio-at-most', value } as const } : {}),
  });
  const answered = 'an answered message';
  const images: Measure[] =
    one.afterCheckpoints && baseline.afterCheckpoints
      ? [
          {
            name: `WAL ${answered}, a checkpoint before each phase (${model.name})`,
            unit: 'bytes',
            values: [sum(one.afterCheckpoints, wholeAnswer, 'wal')],
            baseline: {
              name: baseline.model.name,
              values: [sum(baseline.afterCheckpoints, wholeAnswer, 'wal')],
            },
          },
        ]
      : [];
  return [
    row(`Postgres CPU ${answered}, worker's part`, 'us', (costs) => sum(costs, workersPart, 'cpuUs'), 0.7),
    row(`Postgres CPU ${answered}, whole`, 'us', (costs) => sum(costs, wholeAnswer, 'cpuUs'), 0.85),
    row(`WAL ${answered}`, 'bytes', (costs) => sum(costs, wholeAnswer, 'wal'), 1),
    ...images,
    row('vacuum, CPU a message', 'us', (costs) => costs.vacuum?.cpuUs ?? 0),
    {
      name: `Postgres CPU ${answered}, statements of one message each (${model.name})`,
      unit: 'us',
      values: one.manyUsers,
      baseline: { name: baseline.model.name, values: baseline.manyUsers },
    },
    queueOf(one),
  ];
}

/** Whether a message costs more where it waits behind many of its own user's. */
function queueOf({ model, isJudged, oneUser, manyUsers }: Rounds): Measure {
  return {
    name: `one user, ${queueLength.toLocaleString('en')} unsettled, Postgres CPU a message (${model.name})`,
    unit: 'us',
    values: oneUser,
    baseline: { name: `${queueLength.toLocaleString('en')} users with one`, values: manyUsers },
    ...(isJudged ? { goal: { kind: 'ratio-at-most', value: 1.3 } as const } : {}),
  };
}
