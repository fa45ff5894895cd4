import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFindWords } from '../../../src/lib/find-words.js';
import { judge } from '../../../src/replies/rules/conditions.js';
import { createFindRule } from '../../../src/replies/rules/find.js';
import { parseRules } from '../../../src/replies/rules/parse.js';
import { createSubject } from '../../../src/replies/rules/subject.js';
import { createLocalTimes } from '../../../src/replies/rules/zone-time.js';
import { eventMessage, textMessage } from '../../support/messages.js';

const letters = fc.constantFrom('a', 'b', 'c', '中', '文', '😀');
const word = fc.array(letters, { minLength: 1, maxLength: 4 }).map((some) => some.join(''));
const someText = fc.array(letters, { maxLength: 30 }).map((some) => some.join(''));

test('in any text, just those words are found that are in it', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), someText, (words, text) => {
      const found = new Set<number>();
      createFindWords(words)(text, (index) => {
        found.add(index);
      });
      const expected = words.flatMap((one, index) => (text.includes(one) ? [index] : []));
      expect([...found].sort((a, b) => a - b)).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

const words = fc.array(word, { minLength: 1, maxLength: 3 });
const ofText = fc.oneof(
  words.map((keyword) => ({ keyword })),
  words.map((contains) => ({ keyword: { contains } })),
  words.map((matches) => ({ keyword: { matches } })),
  fc
    .tuple(words, words, words)
    .map(([equals, contains, matches]) => ({ keyword: { equals, contains, matches } })),
  words.map((choice) => ({ choice })),
  fc.constant({ type: 'text' }),
);
const ofEvent = fc.oneof(
  words.map((click) => ({ click })),
  word.map((key) => ({ click: `${key}*` })),
  words.map((scan) => ({ scan, event: ['subscribe', 'scan'] })),
  words.map((scan) => ({ scan })),
  fc.constant({ event: 'click' }),
);
const rule = fc.record({
  when: fc.oneof(ofText, ofEvent),
  priority: fc.integer({ min: 0, max: 2 }),
  answer: fc.constant('x'),
});
const message = fc.oneof(
  word.map((content) => textMessage({ content })),
  fc.tuple(word, word).map(([content, menuId]) => textMessage({ content, menuId })),
  word.map((eventKey) => eventMessage('CLICK', { eventKey })),
  word.map((eventKey) => eventMessage('SCAN', { eventKey })),
  word.map((scene) => eventMessage('subscribe', { eventKey: `qrscene_${scene}` })),
);

test('whatever the rules and the message, the index finds the rule that asking one after another finds', () => {
  const localTimes = createLocalTimes();
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 12 }), fc.array(message, { maxLength: 8 }), (rules, messages) => {
      const parsed = parseRules(JSON.stringify({ rules }), 'rules.yaml');
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      const find = createFindRule(parsed.rules);
      for (const one of messages) {
        const subject = createSubject(one, { appId: 'wx1', name: 'n' }, localTimes);
        const expected = parsed.rules.rules.find((each) => judge(each, subject).applies);
        expect(find(subject)?.rule.name).toBe(expected?.name);
      }
    }),
    { numRuns: 200 },
  );
});
