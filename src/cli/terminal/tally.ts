import type { Words } from '../words/index.js';
import type { Counted } from '../words/measures.js';

const shown = 10;

/** A line for each result: how many, what it means, and which. */
export function tally(
  results: readonly { id: string; result: string }[],
  meanings: Readonly<Record<string, string>>,
  kind: Counted,
  { terminal }: Words,
): string {
  return [...new Set(results.map(({ result }) => result))]
    .map((result) => {
      const ids = results.filter((other) => other.result === result).map(({ id }) => id);
      const counted = terminal.count[kind](ids.length);
      return terminal.tally(counted, meanings[result] ?? result, ids.slice(0, shown), ids.length > shown);
    })
    .join('\n');
}

/** Conversations stay locked until the commit, so operators change a few at a time. */
const setSize = 300;

export function sets(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / setSize) }, (_, index) =>
    ids.slice(index * setSize, (index + 1) * setSize),
  );
}
