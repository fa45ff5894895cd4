import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divide } from '../../../src/replies/model/memory.js';
import { nextPortion, portionOf } from '../../../src/replies/model/rest.js';
import { estimateTokens } from '../../../src/replies/model/tokens.js';
import type { Turn } from '../../../src/replies/router.js';

describe('an answer is divided', () => {
  const notice = '（还有下文，回复“继续”接着看）';
  const paragraph = '这是一句话。'.repeat(60);

  test('into as many messages as may be sent, and the rest with a notice before it', () => {
    const { parts, rest } = portionOf(Array(8).fill(paragraph).join('\n\n'), 2, notice);
    expect(parts).toHaveLength(2);
    expect(parts[1]?.endsWith(notice)).toBe(true);
    expect(parts[0]?.endsWith('。')).toBe(true);
    expect(rest.length).toBeGreaterThan(0);
  });

  test('not at all where it fits', () => {
    expect(portionOf('你好', 1, notice)).toEqual({ parts: ['你好'], rest: [] });
  });

  test('without losing anything, however often one goes on, and each part fits', () => {
    const sentence = fc.stringMatching(/^[一-龥a-z ]{1,60}$/).map((text) => `${text.trim()}。`);
    fc.assert(
      fc.property(
        fc.array(sentence, { minLength: 1, maxLength: 150 }),
        fc.integer({ min: 1, max: 5 }),
        (sentences, quota) => {
          const text = sentences.join('');
          const sent: string[] = [];
          let portion = portionOf(text, quota, notice);
          for (;;) {
            expect(portion.parts.length).toBeLessThanOrEqual(quota);
            sent.push(...portion.parts);
            if (portion.rest.length === 0) break;
            portion = nextPortion(portion.rest, quota, notice);
          }
          for (const part of sent) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(2_048);
          const bare = (some: string) => some.replaceAll(notice, '').replace(/\s/g, '');
          expect(bare(sent.join(''))).toBe(bare(text));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('tokens are estimated', () => {
  test.each([
    ['', 0],
    ['你好，世界', 5],
    ['hello world!', 3],
    ['😀', 2],
  ])('%j: %i', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });
});

describe('what was said before', () => {
  const turn = (id: number, from: Turn['from'], text: string | undefined): Turn => ({
    ...{ from, text, type: 'text', at: new Date(0), agent: undefined, messageId: String(id) },
  });
  const pairs = (count: number, text = '一二三四五六') =>
    Array.from({ length: count }, (_, index) => [
      turn(index + 1, 'user', text),
      turn(index + 1, 'replies', text),
    ]).flat();
  const nothing = { forgottenUpTo: '0', summaryUpTo: '0' };

  test('is all kept within the budget', () => {
    expect(divide(pairs(5), nothing, { turns: 20, tokens: 1_000 })).toEqual({ kept: pairs(5), surplus: [] });
  });

  test('is divided beyond it: the newest half is kept, an answer with its message, and the older part is for the summary', () => {
    const { kept, surplus } = divide(pairs(10), nothing, { turns: 100, tokens: 100 });
    expect([...surplus, ...kept]).toEqual(pairs(10));
    expect(kept[0]).toMatchObject({ from: 'user' });
    expect(kept).toHaveLength(4);
  });

  test('counts by turns as well', () => {
    expect(divide(pairs(10), nothing, { turns: 8, tokens: 10_000 }).kept).toHaveLength(4);
  });

  test('does not reach back before the mark of what is forgotten, or into the summary', () => {
    const budget = { turns: 20, tokens: 1_000 };
    expect(divide(pairs(3), { forgottenUpTo: '2', summaryUpTo: '0' }, budget).kept).toEqual(
      pairs(3).slice(4),
    );
    expect(divide(pairs(12), { forgottenUpTo: '9', summaryUpTo: '11' }, budget).kept).toEqual(
      pairs(12).slice(22),
    );
  });

  test('of which nothing can be read is left out', () => {
    expect(
      divide([turn(1, 'user', undefined), turn(2, 'user', ' ')], nothing, { turns: 5, tokens: 50 }).kept,
    ).toEqual([]);
  });

  test('that is longer than the budget by itself goes into the summary', () => {
    const long = [turn(1, 'user', '长'.repeat(500))];
    expect(divide(long, nothing, { turns: 5, tokens: 50 })).toEqual({ kept: [], surplus: long });
  });
});
