import type { Measured } from './measure.ts';
import type { Stray } from './strays.ts';

/** A new leader must be followed within this time. */
const followWithinMs = 20_000;
/** Pushes are taken again so long after the new leader, at the latest: those that waited are told first to come again. */
const refuseForMs = 6_000;

export interface ClusterOutcome {
  failovers: readonly Measured[];
  strays: readonly Stray[];
}

/** What was promised of failovers, and was not so. */
export function brokenByCluster({ failovers, strays }: ClusterOutcome): string[] {
  const broken: string[] = [];
  for (const { fault, from, electionMs, refusedMs, sendsAfterMs } of failovers) {
    if (refusedMs > electionMs + refuseForMs)
      broken.push(
        `pushes are refused for as long as the failover takes: ${from} was ${fault}, another led after ${seconds(electionMs)}, and no push was taken for ${seconds(refusedMs)}`,
      );
    if (sendsAfterMs > followWithinMs)
      broken.push(
        `sends go on within ${followWithinMs / 1_000} s of the new leader: ${from} was ${fault}, and they did not for ${seconds(sendsAfterMs)}`,
      );
  }
  const [worst] = [...strays].sort((left, right) => right.seconds - left.seconds);
  if (worst)
    broken.push(
      `nobody holds on to a server that does not lead: ${worst.name} did for ${worst.seconds} s, to ${worst.member}`,
    );
  return broken;
}

export function printFailovers({ failovers, strays }: ClusterOutcome): void {
  const header = [
    'leader',
    'new leader after',
    'no push taken for',
    'sends go on after',
    'backlog sent after',
    'lost',
  ];
  const rows = failovers.map((one) => [
    one.fault,
    ...[one.electionMs, one.refusedMs, one.sendsAfterMs, one.backlogAfterMs].map(seconds),
    String(one.lost),
  ]);
  const widths = header.map((title, nth) =>
    Math.max(title.length, ...rows.map((row) => row[nth]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, nth) => cell.padEnd(widths[nth] ?? 0)).join('  ');
  console.log(`${[header, ...rows].map(line).join('\n')}\n`);
  console.log(`connections kept to a server that did not lead: ${strays.length}\n`);
}

const seconds = (ms: number) => (Number.isFinite(ms) ? `${(ms / 1_000).toFixed(1)} s` : 'never');
