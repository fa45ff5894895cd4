import { describe, expect, test } from 'vitest';
import { describeRulesProblems, parseRules } from '../../../src/replies/rules/parse.js';

/** As an editor shows them; each is told in Chinese, too. */
function problems(text: string): string[] {
  const parsed = parseRules(text, 'rules.yaml');
  if (parsed.ok) return [];
  for (const { text } of parsed.problems) expect(text['zh-CN']).toMatch(/\p{Script=Han}/u);
  return describeRulesProblems(parsed.problems, 'rules.yaml').split('\n');
}

function rulesOf(text: string) {
  const parsed = parseRules(text, 'rules.yaml');
  if (!parsed.ok) throw new Error(describeRulesProblems(parsed.problems, 'rules.yaml'));
  return parsed.rules;
}

describe('what is wrong is told with its line and column', () => {
  test.each([
    ['YAML that is none', 'rules: [', 'rules.yaml:1:9: '],
    ['an empty file', '', 'rules.yaml:1:1: '],
    ['what Postgres stores in no text', 'rules: []\n# a\0', 'rules.yaml:2:4: has a NUL character'],
    ['a file without rules', 'default: hi', 'rules.yaml:1:1: rules is missing'],
    ['a field of the file that there is not', 'rules: []\nrule: []', 'rules.yaml:2:1: has no field "rule"'],
    [
      'a field of a rule that there is not',
      'rules:\n  - when: { keyword: a }\n    answer: b\n    anwser: c',
      'rules.yaml:4:5: rules[0] has no field "anwser"',
    ],
    [
      'a rule without an answer',
      'rules:\n  - when: { keyword: a }',
      'rules.yaml:2:5: rules[0].answer is missing',
    ],
    [
      'a type of reply that there is not',
      'rules:\n  - when: { keyword: a }\n    answer: { type: txt, content: b }',
      'rules.yaml:3:21: rules[0].answer.type must be a type of reply',
    ],
    [
      'a field of a reply that there is not',
      'rules:\n  - when: { keyword: a }\n    answer: { type: text, contnt: b }',
      'rules.yaml:3:13: rules[0].answer.content is missing\nrules.yaml:3:27: rules[0].answer has no field "contnt"',
    ],
    [
      'one of several answers',
      'rules:\n  - when: { keyword: a }\n    answer:\n      - hi\n      - { type: image }',
      'rules.yaml:5:9: rules[0].answer[1].media is missing',
    ],
    [
      'hours',
      "rules:\n  - when:\n      keyword: a\n      hours: ['09:00-18:00', '9-18']\n    answer: b",
      'rules.yaml:4:30: rules[0].when.hours[1] must be from-to, such as 09:00-18:00',
    ],
    [
      'a weekday',
      'rules:\n  - when: { keyword: a, weekdays: monday }\n    answer: b',
      'rules.yaml:2:35: rules[0].when.weekdays must be mon, tue',
    ],
    [
      'a time zone',
      'timeZone: Asia/Beijing\nrules: []',
      'rules.yaml:1:11: timeZone "Asia/Beijing" is no time zone',
    ],
    [
      'an expression',
      "rules:\n  - when:\n      keyword:\n        matches: ['ok', '(a']\n    answer: b",
      'rules.yaml:4:25: rules[0].when.keyword.matches[1] is no regular expression of RE2',
    ],
    [
      'an expression that could take exponential time',
      "rules:\n  - when:\n      keyword: { matches: '(a)\\1' }\n    answer: b",
      'rules.yaml:3:27: rules[0].when.keyword.matches is no regular expression of RE2',
    ],
    [
      'a keyword that is blank',
      'rules:\n  - when: { keyword: [a, "　"] }\n    answer: b',
      'rules.yaml:2:26: rules[0].when.keyword[1] must not be empty',
    ],
    [
      'a field of the message that there is not',
      "rules:\n  - when: { keyword: a }\n    answer: 'hi {{name}}'",
      'rules.yaml:3:13: rules[0].answer uses {{name}}, which is no field',
    ],
    [
      'a group that no expression has',
      "rules:\n  - when: { keyword: { matches: '(\\d+)' } }\n    answer: '{{match.1}} {{match.2}}'",
      'rules.yaml:3:13: rules[0].answer uses {{match.2}}, and no expression of the rule has such a group',
    ],
    [
      "a user's words in the name of a file",
      "rules:\n  - when: { keyword: a }\n    answer: { type: image, media: { file: '{{content}}' } }",
      'rules.yaml:3:43: rules[0].answer.media.file may not use fields of the message',
    ],
    [
      'conditions that never hold together',
      'rules:\n  - when: { keyword: a, event: subscribe }\n    answer: b',
      'rules.yaml:2:11: rules[0].when never holds: keyword is of texts, and event of events',
    ],
    [
      'a chance above 1',
      'rules:\n  - when: { keyword: a, chance: 2 }\n    answer: b',
      'rules.yaml:2:33: rules[0].when.chance must be 1 at most',
    ],
    [
      'a rule without a condition',
      'rules:\n  - when: {}\n    answer: b',
      'rules.yaml:2:11: rules[0].when must have at least one condition',
    ],
    [
      'a name that two rules have',
      'rules:\n  - { name: a, when: { keyword: a }, answer: b }\n  - { name: a, when: { keyword: c }, answer: d }',
      'rules.yaml:3:13: rules[1].name "a" is the name of another rule as well',
    ],
    [
      'one of the choices by chance',
      'rules:\n  - when: { keyword: a }\n    answer: { oneOf: [b, { type: text }] }',
      'rules.yaml:3:26: rules[0].answer.oneOf[1].content is missing',
    ],
  ])('%s', (_what, text, beginning) => {
    const found = problems(text);
    expect(found).not.toEqual([]);
    expect(found.join('\n').slice(0, beginning.length)).toBe(beginning);
  });

  test('all of it at once, in the order of the file', () => {
    const text = [
      'rules:',
      '  - when: { keyword: a, hours: 9 }',
      '    answer: [ { type: image, media: [] } ]',
      '  - when: { clik: a }',
      '    answer: b',
    ].join('\n');
    expect(problems(text).map((problem) => problem.split(': ')[0])).toEqual([
      'rules.yaml:2:32',
      'rules.yaml:3:37',
      'rules.yaml:4:13',
    ]);
  });
});

test('numbers and words such as yes and 007 are keywords as they were written', () => {
  const { rules } = rulesOf(
    'rules:\n  - when: { keyword: [1, 007, yes, true, 1.50] }\n    answer: 10086\n    priority: 3',
  );
  expect(rules[0]?.when.keyword?.equals).toEqual(['1', '007', 'yes', 'true', '1.50']);
  expect(rules[0]?.answer).toEqual({
    kind: 'say',
    said: [{ kind: 'reply', reply: { type: 'text', content: '10086' }, hasFields: false }],
  });
  expect(rules[0]?.priority).toBe(3);
});

test('anchors and aliases may be used, and what is wrong in them is found', () => {
  const text = [
    'rules:',
    '  - when: { keyword: a }',
    '    answer: &hello { type: text, content: "{{nothing}}" }',
    '  - when: { keyword: b }',
    '    answer: *hello',
  ].join('\n');
  expect(problems(text)).toEqual([
    'rules.yaml:3:43: rules[0].answer.content uses {{nothing}}, which is no field; \\{{ is for two braces',
    'rules.yaml:3:43: rules[1].answer.content uses {{nothing}}, which is no field; \\{{ is for two braces',
  ]);
});

test('higher priority comes first, and the order of the file among equals', () => {
  const { rules } = rulesOf(
    [
      'rules:',
      '  - { when: { keyword: a }, answer: x }',
      '  - { name: last, priority: -1, when: { keyword: b }, answer: x }',
      '  - { name: first, priority: 5, when: { keyword: c }, answer: x }',
      '  - { name: then, when: { keyword: d }, answer: x }',
    ].join('\n'),
  );
  expect(rules.map(({ name, line }) => `${name} ${line}`)).toEqual([
    'first 4',
    'rule 1 2',
    'then 5',
    'last 3',
  ]);
});

test('a file of a thousand aliases of aliases is refused', () => {
  const bombs = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level++) {
    bombs.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  }
  expect(problems(`${bombs.join('\n')}\nrules: []`)[0]).toMatch(/alias/i);
});
