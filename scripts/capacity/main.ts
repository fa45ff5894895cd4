/** `npm run capacity`: which machines so many users take, and what gets full first; with --verify, held against this machine. */
import { Command, InvalidArgumentError } from 'commander';
import { type Assumptions, plan } from './plan.ts';
import { reference } from './reference.ts';
import { costTable, planTable } from './report.ts';
import { simulate } from './simulate.ts';
import { decades, usual } from './usual.ts';
import { verify } from './verify.ts';

interface Flags {
  users?: number;
  perUser: number;
  peak: number;
  retention: number;
  verify: boolean;
  seconds: number;
}

const [lowRate, highRate, predictedRate] = [25, 150, 400];

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a number above 0');
  return value;
}

const program = new Command('capacity')
  .description('Which machines so many users take, and what gets full first')
  .option('--users <n>', 'of all accounts, e.g. 1e6; by default a table from 1 to 100 million', positive)
  .option(
    '--per-user <n>',
    'messages that a user sends a day, each answered once',
    positive,
    usual.messagesPerUserDay,
  )
  .option('--peak <factor>', 'the busiest second over the mean of the day', positive, usual.peakFactor)
  .option('--retention <days>', 'for which messages are kept', positive, usual.retentionDays)
  .option(
    '--verify',
    'measures this machine, predicts, and holds one against the other; some two minutes',
    false,
  )
  .option('--seconds <n>', 'of each measurement of --verify', positive, 10);

program.parse();
const flags = program.opts<Flags>();

if (flags.verify) {
  const { seconds } = flags;
  await verify({ seconds, low: lowRate, high: highRate, predicted: predictedRate }, console.log);
} else {
  const assumptions = (users: number): Assumptions => ({
    users,
    messagesPerUserDay: flags.perUser,
    peakFactor: flags.peak,
    retentionDays: flags.retention,
  });
  const all = flags.users === undefined ? decades : [flags.users];
  const plans = all.map((users) => plan(reference, assumptions(users)));
  console.log(`${costTable(reference)}\n\n${planTable(plans)}`);
  const [one] = plans;
  if (flags.users !== undefined && one?.machines.kind === 'one' && one.peakPerSecond >= 1) {
    const { cores } = one.machines;
    const options = { cores, ratePerSecond: one.peakPerSecond, seconds: 60, arrivals: 'random' } as const;
    const { p50Ms, p99Ms } = simulate(reference, { ...options, random: Math.random });
    console.log(`\nAt the peak, from push to API: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`);
  }
}
