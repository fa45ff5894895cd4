import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diffLines } from '../../src/lib/line-diff.js';

const marks = { same: ' ', added: '+', removed: '-' } as const;
const shown = (before: string, after: string) =>
  diffLines(before, after).map(
    ({ kind, text, from, to }) => `${marks[kind]}${text} ${from ?? ''}:${to ?? ''}`,
  );

test('names the lines that were taken out and put in, with their numbers in both texts', () => {
  expect(shown('a\nb\nc\nd', 'a\nx\nc\nd\ne')).toEqual([
    ...[' a 1:1', '-b 2:', '+x :2', ' c 3:3', ' d 4:4', '+e :5'],
  ]);
  expect(shown('a\nb', 'a\nb')).toEqual([' a 1:1', ' b 2:2']);
});

test('leads from one text to the other, by the fewest lines', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    .map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = diffLines(before, after);
      const of = (not: string) => lines.filter(({ kind }) => kind !== not).map(({ text }) => text);
      expect(of('added').join('\n')).toBe(before);
      expect(of('removed').join('\n')).toBe(after);
      const kept = lines.filter(({ kind }) => kind === 'same').length;
      expect(kept).toBe(mostInCommon(before.split('\n'), after.split('\n')));
    }),
  );
});

test('of two long texts that have nothing in common takes no long time', () => {
  const long = (word: string) => Array.from({ length: 30_000 }, (_, at) => `${word} ${at}`).join('\n');
  const began = process.cpuUsage();
  expect(diffLines(`same\n${long('a')}`, `same\n${long('b')}`)).toHaveLength(60_001);
  // Other processes may have the processor meanwhile.
  expect(process.cpuUsage(began).user).toBeLessThan(3_000_000);
});

function mostInCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    for (const [at, other] of b.entries())
      next.push(line === other ? (row[at] ?? 0) + 1 : Math.max(row[at + 1] ?? 0, next[at] ?? 0));
    row = next;
  }
  return row.at(-1) ?? 0;
}
