import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createAskedRules } from '../../src/replies/rules/ask.js';
import { describeRulesProblems, parseRules } from '../../src/replies/rules/parse.js';
import { rulesSchema } from '../../src/replies/rules/shapes.js';
import { createLocalTimes } from '../../src/replies/rules/zone-time.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';
import { eventMessage, textMessage } from '../support/messages.js';
import { readPage, root } from './pages.js';

const example = 'docs/examples/rules/rules.yaml';
const text = readFileSync(path.join(root, example), 'utf8');

function asked(file: string, content: string) {
  const parsed = parseRules(content, file);
  if (!parsed.ok) throw new Error(describeRulesProblems(parsed.problems, file));
  return createAskedRules(parsed.rules, createLocalTimes());
}

const at = (time: string) => ({ createTime: Date.parse(time) / 1_000 });

test.each<[InboundMessage, string, string]>([
  [eventMessage('subscribe'), '新关注', '欢迎关注 晨光书店！'],
  [eventMessage('subscribe', { eventKey: 'qrscene_shop_3' }), '门店新关注', '门店 shop_3'],
  [
    textMessage({ content: '我要人工', ...at('2026-11-23T22:00:00+08:00') }),
    '下班后转人工',
    '下班后留言：我要人工',
  ],
  [textMessage({ content: '我要人工', ...at('2026-11-23T10:00:00+08:00') }), '转人工', '正在转接'],
  [textMessage({ content: 'ＨＥＬＰ' }), '帮助', 'msgmenu'],
  [textMessage({ content: '营业时间', menuId: 'hours' }), '营业时间', '9:00'],
  [textMessage({ content: '时间', menuId: 'hours' }), '点了营业时间', '9:00'],
  [eventMessage('CLICK', { eventKey: 'OFFERS' }), '菜单里的优惠', 'offers.png'],
  [textMessage({ content: '订单 123456' }), '订单', 'orders/123456'],
  [textMessage({ content: '抽奖' }), '抽奖', '"text"'],
  [textMessage({ content: '你好' }), 'default', '没听懂'],
])('the example answers, message %#', (message, rule, said) => {
  const answered = asked(example, text).ask([message], { appId: 'wx1', name: '晨光书店' });
  expect(answered?.rule).toBe(rule);
  expect(JSON.stringify(answered?.saying)).toContain(said);
});

const blocks = ['docs/rules.md', 'docs/zh-CN/rules.md'].flatMap((file) =>
  readPage(file)
    .blocks.filter(({ language, code }) => language === 'yaml' && /^(rules|timeZone):/m.test(code))
    .map(({ code }, index) => [`${file}, ${index + 1}`, code] as const),
);

test('the pages show rules', () => expect(blocks.length).toBeGreaterThanOrEqual(4));

test.each(blocks)('rules in a page are in order: %s', (file, code) => {
  expect(() => asked(file, code)).not.toThrow();
});

test('the JSON Schema is that of the shapes, and the example names it', () => {
  const [, named = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
  const published = readFileSync(path.join(root, path.dirname(example), named), 'utf8');
  expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(rulesSchema())));
});

test('every condition and answer of the schema is in both pages', () => {
  const { properties } = rulesSchema() as {
    properties: { rules: { items: { properties: { when: { properties: Record<string, unknown> } } } } };
  };
  const names = Object.keys(properties.rules.items.properties.when.properties);
  expect(names).toContain('keyword');
  for (const file of ['docs/rules.md', 'docs/zh-CN/rules.md']) {
    const { prose } = readPage(file);
    const all = [...names, 'oneOf', 'handOver', 'http', 'llm', 'default', 'timeZone', 'priority', 'name'];
    expect(all.filter((name) => !prose.includes(`\`${name}\``))).toEqual([]);
  }
});

test('the example is what YAML makes of it: no field of it is lost', () => {
  expect(Object.keys(parse(text) as object)).toEqual(['timeZone', 'rules', 'default']);
});
