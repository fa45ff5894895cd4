import stringWidth from 'string-width';
import { type Costs, coresAt, costAt, sumOf, underLoad } from './costs.ts';
import type { Machines, Plan } from './plan.ts';
import { type Language, words } from './words.ts';

const rates = [1, 100, 1_000];
/** Of the machine that the costs are told for. */
const cores = 2;

/** A row a part; on two cores. */
export function costTable(costs: Costs, language: Language = 'en'): string {
  const { at, us, costs: names } = words[language];
  const [head, ingress, worker, postgres, wal, disk, busy] = names;
  const loaded = (ratePerSecond: number) => underLoad(costs, { ratePerSecond, cores });
  const row = (name: string, show: (rate: number) => string) => [name, ...rates.map(show)];
  const cpu = (cost: Costs['ingressUs']) => (rate: number) =>
    `${figure(costAt(cost, rate, loaded(rate).gatherMs))} ${us}`;
  return toText([
    [head, ...rates.map((rate) => at(count(rate)))],
    row(ingress, cpu(costs.ingressUs)),
    row(worker, cpu(costs.workerUs)),
    row(postgres, cpu(costs.postgresUs)),
    row(wal, (rate) => bytes(costAt(costs.walBytes, rate, loaded(rate).gatherMs))),
    row(disk, () => bytes(costs.diskBytes)),
    row(busy, (rate) => sumOf(coresAt(loaded(rate), rate)).toFixed(2)),
  ]);
}

export function planTable(plans: readonly Plan[], language: Language = 'en'): string {
  const { plan: head, bothRoles, processes } = words[language];
  return toText([
    head,
    ...plans.map((plan) => [
      count(plan.users),
      count(plan.messagesPerDay),
      `${rate(plan.peakPerSecond)}/s`,
      sumOf(plan.cores).toFixed(2),
      machines(plan.machines, language),
      plan.machines.kind === 'one' && plan.ingressProcesses + plan.workerProcesses === 2
        ? bothRoles
        : processes(plan.ingressProcesses, plan.workerProcesses),
      String(plan.postgres),
      bytes(plan.walBytesPerDay),
      bytes(plan.diskBytes),
      firstFull(plan, language),
      count(plan.accountsAtLeast),
    ]),
  ]);
}

/** Of one Postgres; what is nearly empty is nobody's worry. */
function firstFull({ firstFull, fullness }: Plan, language: Language): string {
  const share = Math.round(fullness[firstFull] * 100);
  const { nothing, resources } = words[language];
  return share < 10 ? nothing : `${resources[firstFull]} (${share} %)`;
}

function machines(all: Machines, language: Language): string {
  const { oneMachine, machinesApart } = words[language];
  return all.kind === 'one' ? oneMachine(all.cores) : machinesApart(all.processCores, all.postgresCores);
}

/** What was predicted beside what was measured. */
export function verdictTable(
  rows: readonly { name: string; unit: string; predicted: number; measured: number }[],
) {
  return toText([
    ['', 'predicted', 'measured', 'predicted / measured'],
    ...rows.map(({ name, unit, predicted, measured }) => [
      name,
      `${figure(predicted)} ${unit}`,
      `${figure(measured)} ${unit}`,
      (predicted / measured).toFixed(2),
    ]),
  ]);
}

/** Markdown, aligned as the documents are: a Chinese character is as wide as two others. */
export function toText(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) =>
    Math.max(3, ...rows.map((row) => stringWidth(row[index] ?? ''))),
  );
  const pad = (cell: string, width = 0) => cell + ' '.repeat(width - stringWidth(cell));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => pad(cell, widths[index])).join(' | ')} |`;
  const [head = [], ...rest] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('\n');
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 ? 1 : 3);
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function rate(value: number): string {
  return value >= 10 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [scaled, unit] = [value, 0];
  while (scaled >= 1_000 && unit < units.length - 1) {
    scaled /= 1_000;
    unit += 1;
  }
  return `${scaled >= 10 || unit === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${units[unit]}`;
}
