import { describe, expect, test } from 'vitest';
import { type AskedRules, createAskedRules } from '../../../src/replies/rules/ask.js';
import { describeRulesProblems, parseRules } from '../../../src/replies/rules/parse.js';
import { createLocalTimes } from '../../../src/replies/rules/zone-time.js';
import type { InboundMessage } from '../../../src/wechat/in/message.js';
import { eventMessage, textMessage } from '../../support/messages.js';

const account = { appId: 'wx1', name: '小店' };

function asked(text: string): AskedRules {
  const parsed = parseRules(text, 'rules.yaml');
  if (!parsed.ok) throw new Error(describeRulesProblems(parsed.problems, 'rules.yaml'));
  return createAskedRules(parsed.rules, createLocalTimes());
}

/** Each rule answers with its name. */
function named(rules: Record<string, string>, more = ''): AskedRules {
  const lines = Object.entries(rules).map(
    ([name, when]) => `  - { name: ${name}, when: ${when}, answer: x }`,
  );
  return asked(`rules:\n${lines.join('\n')}\n${more}`);
}

const ruleFor = (rules: AskedRules, ...messages: InboundMessage[]) => rules.ask(messages, account)?.rule;
const says = (rules: AskedRules, message: InboundMessage) => {
  const saying = rules.ask([message], account)?.saying;
  return saying?.kind === 'say' ? saying.replies : saying;
};
const text = (content: string, more: Parameters<typeof textMessage>[0] = {}) =>
  textMessage({ content, ...more });

describe('keywords', () => {
  const rules = named({
    price: '{ keyword: [价格, Price] }',
    refund: '{ keyword: { contains: [退款, ＲＥＦＵＮＤ] } }',
    order: `{ keyword: { matches: '^订单\\s*(\\d+)$' } }`,
  });

  test.each([
    ['价格', 'price'],
    ['  价格\n', 'price'],
    ['PRICE', 'price'],
    ['ｐｒｉｃｅ', 'price'],
    ['价格表', undefined],
    ['我要退款！', 'refund'],
    ['please Refund me', 'refund'],
    ['订单 42', 'order'],
    ['订单４２', 'order'],
    ['订单 x', undefined],
  ])('%j is answered by %s', (content, rule) => {
    expect(ruleFor(rules, text(content))).toBe(rule);
  });

  test('are looked for in what voice was recognised as', () => {
    const common = { openid: 'o', createTime: 1, toUserName: 'gh', fields: {} };
    const voice = { kind: 'voice', ...common, mediaId: 'm', format: 'amr', recognition: '价格。' } as const;
    expect(ruleFor(rules, voice)).toBe('price');
    expect(ruleFor(rules, { ...voice, recognition: undefined })).toBeUndefined();
  });
});

describe('events', () => {
  const rules = named(
    {
      follow: '{ event: subscribe, scan: "shop_*" }',
      welcome: '{ event: Subscribe }',
      table: '{ scan: [7] }',
      help: '{ click: HELP }',
      menu: '{ click: "NEWS_*" }',
      place: '{ type: event, account: wx2 }',
      chosen: '{ choice: yes }',
    },
    'default: never mind',
  );

  test.each([
    ['a new follower', eventMessage('subscribe'), 'welcome'],
    ['one who scanned a code', eventMessage('subscribe', { eventKey: 'qrscene_shop_3' }), 'follow'],
    ['a scan by a follower', eventMessage('SCAN', { eventKey: '7' }), 'table'],
    ['a new follower by the same code', eventMessage('subscribe', { eventKey: 'qrscene_7' }), 'welcome'],
    ['a click', eventMessage('CLICK', { eventKey: 'HELP' }), 'help'],
    ['a click with a key of a kind', eventMessage('CLICK', { eventKey: 'NEWS_12' }), 'menu'],
    ['an event that no rule is about, whatever the default says', eventMessage('LOCATION'), undefined],
    ['an entry of a menu message', text('是', { menuId: 'yes' }), 'chosen'],
    ['a text like the key of a click', text('HELP'), 'default'],
  ])('%s', (_what, message, rule) => {
    expect(ruleFor(rules, message)).toBe(rule);
  });
});

describe('hours and days', () => {
  const rules = named({
    work: `{ type: text, weekdays: mon-fri, hours: ['09:00-12:00', '13:00-18:00'] }`,
    night: `{ type: text, hours: '22:00-06:00' }`,
    newYork: `{ type: text, weekdays: [sat, sun], hours: '00:00-12:00', timeZone: America/New_York }`,
  });

  test.each([
    ['2026-11-23T09:00:00+08:00', 'work'],
    ['2026-11-23T11:59:59+08:00', 'work'],
    ['2026-11-23T12:00:00+08:00', undefined],
    ['2026-11-23T23:00:00+08:00', 'night'],
    ['2026-11-23T05:59:00+08:00', 'night'],
    // Sunday morning in New York, and evening in Shanghai.
    ['2026-11-22T21:00:00+08:00', 'newYork'],
    ['2026-11-22T10:00:00+08:00', undefined],
  ])('%s: %s', (at, rule) => {
    expect(ruleFor(rules, text('hi', { createTime: Date.parse(at) / 1_000 }))).toBe(rule);
  });
});

describe('answers', () => {
  test('may use what the user sent, and in addresses it stays one part', () => {
    const rules = asked(
      [
        'rules:',
        '  - when: { keyword: { matches: "^查(?P<what>.+?) (\\\\d+)$" } }',
        '    answer:',
        '      - "{{ account }}：{{match.what}} 第{{match.2}}页，\\\\{{x}}，{{eventKey}}"',
        '      - { type: news, articles: [{ title: "{{content}}", url: "https://a.example/?q={{content}}" }] }',
      ].join('\n'),
    );
    expect(says(rules, text('查a&b 3'))).toEqual([
      { type: 'text', content: '小店：a&b 第3页，{{x}}，' },
      { type: 'news', articles: [{ title: '查a&b 3', url: 'https://a.example/?q=%E6%9F%A5a%26b%203' }] },
    ]);
  });

  test('what a user sends is not read as a field again', () => {
    const rules = asked('rules:\n  - { when: { type: text }, answer: "{{content}}" }');
    expect(says(rules, text('{{openid}}'))).toEqual([{ type: 'text', content: '{{openid}}' }]);
  });

  test('one of several is chosen by chance, and the same for one message whenever it is asked', () => {
    const rules = asked(
      'rules:\n  - { when: { keyword: 抽 }, answer: { oneOf: [a, [b, c], { handOver: d }] } }',
    );
    const counts = new Map<string, number>();
    for (let index = 0; index < 600; index++) {
      const message = text('抽', { msgId: String(index) });
      const said = JSON.stringify(rules.ask([message], account)?.saying);
      expect(JSON.stringify(rules.ask([message], account)?.saying)).toBe(said);
      counts.set(said, (counts.get(said) ?? 0) + 1);
    }
    expect(counts.size).toBe(3);
    expect(Math.min(...counts.values())).toBeGreaterThan(120);
  });

  test('a rule with a chance applies in so many of all cases', () => {
    const rules = named({ lucky: '{ keyword: 抽, chance: 0.25 }' }, 'default: next time');
    const lucky = Array.from({ length: 800 }, (_, index) =>
      ruleFor(rules, text('抽', { msgId: String(index) })),
    ).filter((rule) => rule === 'lucky').length;
    expect(lucky).toBeGreaterThan(140);
    expect(lucky).toBeLessThan(260);
  });

  test('a person is asked for, with a reason that is never too long', () => {
    const rules = asked(
      'rules:\n  - { when: { type: text }, answer: [请稍候, { handOver: "说：{{content}}" }] }',
    );
    expect(rules.ask([text('人工'.repeat(200))], account)?.saying).toEqual({
      ...{ kind: 'say', replies: [{ type: 'text', content: '请稍候' }] },
      handOver: `说：${'人工'.repeat(200)}`.slice(0, 200),
    });
  });

  test('an empty list is silence, and no rule is no answer', () => {
    const rules = asked('rules:\n  - { when: { keyword: 嘘 }, answer: [] }');
    expect(says(rules, text('嘘'))).toEqual([]);
    expect(rules.ask([text('喂')], account)).toBeUndefined();
  });
});

test('of messages that are answered together, the rule that is tried first answers, for the last it applies to', () => {
  const rules = asked(
    [
      'rules:',
      '  - { name: first, when: { keyword: { contains: 急 } }, answer: "{{content}}" }',
      '  - { name: second, when: { type: text }, answer: "{{content}}" }',
      'default: 收到',
    ].join('\n'),
  );
  expect(rules.ask([text('急 1'), text('急 2'), text('别的')], account)).toMatchObject({
    ...{ rule: 'first', saying: { replies: [{ content: '急 2' }] } },
  });
  expect(rules.ask([text('1'), text('2')], account)).toMatchObject({
    saying: { replies: [{ content: '2' }] },
  });
});
