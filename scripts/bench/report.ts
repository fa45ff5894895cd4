import { median } from './statistics.ts';

/** A figure of the product, with a baseline of the same run beside it. */
export interface Measure {
  name: string;
  unit: string;
  /** One for each round. */
  values: readonly number[];
  baseline?: { name: string; values: readonly number[] };
  goal?: Goal;
}

/** `at-most` is about the figure itself. */
export type Goal = { kind: 'ratio-at-least' | 'ratio-at-most' | 'at-most'; value: number };

export interface Judged extends Measure {
  median: number;
  /** Median of the rounds' ratios to the baseline. */
  ratio: number | undefined;
  /** Undefined where there is no goal. */
  isReached: boolean | undefined;
}

export function judge(measure: Measure): Judged {
  const { values, baseline, goal } = measure;
  const ratio =
    baseline && median(values.map((value, round) => value / (baseline.values[round] ?? Number.NaN)));
  const middle = median(values);
  const isReached = goal && isWithin(goal, goal.kind === 'at-most' ? middle : (ratio ?? Number.NaN));
  return { ...measure, median: middle, ratio, isReached };
}

function isWithin({ kind, value }: Goal, figure: number): boolean {
  return kind === 'ratio-at-least' ? figure >= value : figure <= value;
}

function describeGoal({ kind, value }: Goal, unit: string): string {
  if (kind === 'at-most') return `<= ${value} ${unit}`;
  return `${kind === 'ratio-at-least' ? '>=' : '<='} ${value}`;
}

const columns = ['measure', 'product', 'baseline', 'ratio', 'must be', ''] as const;

/** The table that is printed, and that the README shows. */
export function toTable(measures: readonly Judged[]): string {
  const rows = measures.map(({ name, unit, values, baseline, goal, ratio, isReached }) => [
    name,
    `${withRange(values)} ${unit}`,
    baseline ? `${withRange(baseline.values)} ${baseline.name}` : '',
    ratio === undefined ? '' : ratio.toFixed(2),
    goal ? describeGoal(goal, unit) : 'reported',
    isReached === undefined ? '' : isReached ? 'ok' : 'SHORT',
  ]);
  const widths = columns.map((title, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function withRange(values: readonly number[]): string {
  const show = (value: number) =>
    value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 1 ? 1 : 3);
  const middle = show(median(values));
  return values.length > 1 ? `${middle} (${show(Math.min(...values))}-${show(Math.max(...values))})` : middle;
}
