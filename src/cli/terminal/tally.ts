import { count } from './format.js';

const shown = 10;

/** A line for each result: how many, what it means, and which. */
export function tally(
  results: readonly { id: string; result: string }[],
  meanings: Readonly<Record<string, string>>,
  one: string,
  many: string,
): string {
  return [...new Set(results.map(({ result }) => result))]
    .map((result) => {
      const ids = results.filter((other) => other.result === result).map(({ id }) => id);
      const more = ids.length > shown ? ', …' : '';
      return `${count(ids.length, one, many)}: ${meanings[result] ?? result} (${ids.slice(0, shown).join(', ')}${more})`;
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
