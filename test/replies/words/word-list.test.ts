import { describe, expect, test } from 'vitest';
import type { WordCategory } from '../../../src/replies/words/word-file.js';
import { createWordList, mask } from '../../../src/replies/words/word-list.js';

const category = (words: string[], more: Partial<WordCategory> = {}): WordCategory => ({
  ...{ name: 'test', action: 'mask', words, reply: undefined, inbound: false },
  ...more,
});

/** What stands where words were found. */
function found(words: string[], text: string): string[] {
  return createWordList([category(words)])
    .find(text)
    .flatMap(({ places }) => places.map(({ start, end }) => text.slice(start, end)));
}

describe('a word is found', () => {
  test.each([
    ['as it is written', '赌博', '网上赌博平台', '赌博'],
    ['in any case', 'VPN', 'a vpn here', 'vpn'],
    ['in any width', 'vpn', '一个ＶＰＮ', 'ＶＰＮ'],
    ['with full-width digits in the list', '１１０', '打110吧', '110'],
    ['in kana of half width, with its sound mark', 'ガス', 'ｶﾞｽ', 'ｶﾞｽ'],
    ['with blanks between its characters', '赌博', '赌　 博', '赌　 博'],
    ['with line breaks in it', '赌博', '赌\n博', '赌\n博'],
    ['with zero-width characters in it', '赌博', '赌\u200b\u200d博', '赌\u200b\u200d博'],
    ['with variation selectors and soft hyphens', 'spam', 's\u00adp\ufe0fam', 's\u00adp\ufe0fam'],
    ['letter by letter', 'spam', 'no s p a m here', 's p a m'],
    ['with the blanks that it has in the list, and without', 'buy now', 'Buy Now! buynow', 'Buy Now'],
    ['beside characters that are no letters', 'qq', '加QQ群', 'QQ'],
    ['in letters of mathematics', 'spam', '𝐬𝐩𝐚𝐦', '𝐬𝐩𝐚𝐦'],
    ['as a part of a longer Chinese text', '票', '发票号码', '票'],
  ])('%s', (_how, word, text, part) => {
    expect(found([word], text)[0]).toBe(part);
  });
});

test('words of letters are no parts of others, nor of several', () => {
  expect(found(['ass'], 'first class assets')).toEqual([]);
  expect(found(['penis'], 'the pen is mightier')).toEqual([]);
  expect(found(['ashit'], 'a s hit')).toEqual([]);
  expect(found(['110'], '电话 21103')).toEqual([]);
  expect(found(['ass'], 'an ass.')).toEqual(['ass']);
});

test('words that overlap are one place, of each category for itself', () => {
  const list = createWordList([
    category(['赌博', '博彩'], { name: 'gambling' }),
    category(['彩票'], { name: 'lottery' }),
  ]);
  const places = list.find('赌博彩票').map((one) => [one.category.name, one.places]);
  expect(places).toEqual([
    ['gambling', [{ start: 0, end: 3 }]],
    ['lottery', [{ start: 2, end: 4 }]],
  ]);
});

test('masking leaves a star for each character that shows', () => {
  expect(mask('不要赌 博😀了', [{ start: 2, end: 7 }])).toBe('不要* **了');
  const all = [
    { start: 3, end: 5 },
    { start: 0, end: 4 },
  ];
  expect(mask('abcdefg', all)).toBe('*****fg');
});
