import type { Findings } from './check.ts';
import type { Load } from './load.ts';
import type { ServiceProcess } from './processes.ts';

export interface Outcome {
  seed: number;
  load: Load;
  findings: Findings;
  /** How often each kind of trouble was made. */
  troubles: Record<string, number>;
  processes: readonly ServiceProcess[];
  /** Until everything was settled once the load and the chaos had ended; undefined when that never came. */
  drainedMs: number | undefined;
}

/**
 * Every promise that was broken, with examples.
 *
 * @param mayLose the database may lose what it has committed: what depends on it is only counted
 */
export function brokenPromises(
  { findings, processes, drainedMs }: Outcome,
  { mayLose }: { mayLose: boolean },
): string[] {
  const broken: string[] = [];
  const judge = (promise: string, examples: readonly string[]) => {
    if (examples.length > 0)
      broken.push(`${promise}: ${examples.length}, e.g. ${examples.slice(0, 5).join('; ')}`);
  };
  if (!mayLose) {
    judge('an acknowledged message is never lost', findings.lost);
    judge('replies leave in order', findings.outOfOrder);
    judge('nothing is sent twice without an unknown attempt', findings.twiceUnexplained);
  }
  judge('a settled message has nothing left to send', findings.unfinished);
  if (drainedMs === undefined) broken.push('everything is settled in the end: it was not, in time');
  judge(
    'no process ends by itself',
    processes
      .filter(({ unexpectedEnds }) => unexpectedEnds > 0)
      .map(({ name, unexpectedEnds }) => `${name} ${unexpectedEnds} times`),
  );
  return broken;
}

export function printReport(outcome: Outcome): void {
  const { seed, load, findings, troubles, processes, drainedMs } = outcome;
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  const rows: [string, string][] = [
    ['seed', String(seed)],
    ['pushed', String(load.pushed)],
    ['acknowledged', String(load.acknowledged.length)],
    ['notices shown to users', String(load.notices)],
    ['stored', String(findings.stored)],
    ['replies received', String(findings.answered)],
    ['lost (must be 0)', String(findings.lost.length)],
    ['out of order (must be 0)', String(findings.outOfOrder.length)],
    ['received twice', `${findings.twice}, unexplained (must be 0): ${findings.twiceUnexplained.length}`],
    ['settled, but not all sent (must be 0)', String(findings.unfinished.length)],
    ['messages', list(findings.messages)],
    ['deliveries', list(findings.deliveries)],
    ['attempts', list(findings.attempts)],
    [
      'stored to settled',
      `p50 ${ms(findings.settling.p50)}, p99 ${ms(findings.settling.p99)}, worst ${ms(findings.settling.worst)}`,
    ],
    ['left by a worker, then sent on', describeRecovery(findings.recovery)],
    ['drained after', drainedMs === undefined ? 'never' : ms(drainedMs)],
    ['peak memory', processes.map(({ name, peakMb }) => `${name} ${Math.round(peakMb)} MB`).join(', ')],
    ['trouble made', list(troubles)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  process.stdout.write(`\n${rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')}\n\n`);
}

const ms = (value: number) => `${Math.round(value)} ms`;

const describeRecovery = ({ count, p50, p99, worst, alone, worstAlone }: Findings['recovery']) =>
  `${count}; p50 ${ms(p50)}, p99 ${ms(p99)}, worst ${ms(worst)}; with Postgres there and no second worker lost ${alone}, worst ${ms(worstAlone)}`;
