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
