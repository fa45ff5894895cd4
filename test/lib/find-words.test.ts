import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFindWords } from '../../src/lib/find-words.js';

function placesOf(patterns: readonly string[], text: string): string[] {
  const places: string[] = [];
  createFindWords(patterns)(text, (pattern, end) => places.push(`${pattern} ${end}`));
  return places.sort();
}

test('every place of every word is found, as by looking for each at each place', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '中', '😀'), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 12 }), fc.array(letters, { maxLength: 8 }), (words, parts) => {
      const text = parts.join('');
      const expected = words.flatMap((word, index) =>
        word === ''
          ? []
          : Array.from({ length: text.length }, (_, start) => start)
              .filter((start) => text.startsWith(word, start))
              .map((start) => `${index} ${start + word.length}`),
      );
      expect(placesOf(words, text)).toEqual(expected.sort());
    }),
  );
});

test('one word may end another, and be there twice', () => {
  expect(placesOf(['she', 'he', 'hers', 'he'], 'ushers')).toEqual(['0 4', '1 4', '2 6', '3 4'].sort());
});

test('the time grows with the text, not with the words', () => {
  const words = Array.from({ length: 20_000 }, (_, index) => `${'a'.repeat(20)}${index}`);
  const find = createFindWords(words);
  const text = 'a'.repeat(200_000);
  let found = 0;
  const startedAt = performance.now();
  find(text, () => {
    found += 1;
  });
  expect(found).toBe(0);
  // Looking for each at each place would be 80 billion comparisons.
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
