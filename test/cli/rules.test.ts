import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeRules } from '../../src/replies/rules/versions.js';
import { runInProcess } from '../support/command-line.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { scratchDirectory } from '../support/temporary-directory.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const rules = `rules:
  - { name: follow, when: { event: subscribe }, answer: 欢迎 }
  - { name: night, priority: 1, when: { keyword: 在吗, hours: '22:00-06:00' }, answer: 睡了 }
  - { name: order, when: { keyword: { matches: '^订单(\\d+)$' } }, answer: ['订单 {{match.1}}', { handOver: 查单 }] }
  - { name: model, when: { keyword: { contains: 问 } }, answer: { llm: model.yaml } }
  - { name: offers, when: { click: OFFERS, account: wx1 }, answer: [] }
`;

function fileOf(text: string): string {
  const file = path.join(scratchDirectory(), 'rules.yaml');
  writeFileSync(file, text);
  return file;
}

const complete = { WECHAT_APP_ID: 'wx1', WECHAT_APP_SECRET: 's', WECHAT_TOKEN: 'token' };
const run = (...args: string[]) => runInProcess(['rules', ...args], { DATABASE_URL: database.url });
const put = (name: string, text: string, expectedId = '0') =>
  changeRules(database.pool, { name, text, expectedId, origin: 'console', note: 'why not' });

test('test says which rule would answer with what, and why those before it would not', async () => {
  const file = fileOf(rules);
  const { code, out } = await run('test', '订单42', '--file', file, '--at', '2026-11-23T10:00:00+08:00');
  expect(out.split('\n')).toEqual([
    '✗ night (line 3): it is Monday, 10:00 in Asia/Shanghai',
    '✗ follow (line 2): it is about another event',
    '✓ order (line 4)',
    '  text: 订单 42',
    '  asks for a person: 查单',
  ]);
  expect(code).toBe(0);
});

test.each([
  [['--event', 'subscribe'], 0, '✓ follow (line 2)\n  text: 欢迎'],
  [['--event', 'subscribe', '--scan', '7'], 0, '✓ follow (line 2)\n  text: 欢迎'],
  [['--click', 'OFFERS', '--account', 'wx1'], 0, '✓ offers (line 6)\n  says nothing'],
  [['--click', 'OFFERS', '--account', 'wx2'], 1, 'it is for another account\nNo rule would answer'],
  [['我想问一下'], 0, '✓ model (line 5)\n  left to model.yaml'],
  [['--type', 'image'], 1, 'No rule would answer'],
])('test %j', async (args, code, said) => {
  const outcome = await run('test', ...args, '--file', fileOf(rules));
  expect(outcome).toMatchObject({ code, out: expect.stringContaining(said) });
});

test('test as JSON names the rule and what it was passed over for', async () => {
  const { out } = await run('test', '--event', 'subscribe', '--file', fileOf(rules), '--json');
  expect(JSON.parse(out)).toMatchObject({
    ...{ rule: 'follow', line: 2, answer: { kind: 'say', replies: [{ type: 'text', content: '欢迎' }] } },
    before: [{ rule: 'night', line: 3, unmet: 'isEvent' }],
  });
});

test.each([[[]], [['hi', '--event', 'subscribe']], [['--click', 'a', '--scan', 'b']]])(
  'test without one thing that the user does is a wrong call: %j',
  async (args) => {
    expect(await run('test', ...args, '--file', fileOf(rules))).toMatchObject({ code: 2 });
  },
);

test('check says that a file is in order, or where it is not', async () => {
  const good = fileOf(rules);
  expect(await run('check', good)).toMatchObject({ code: 0, out: `${good} is in order: 5 rules` });
  const bad = fileOf('rules:\n  - { when: { keyword: a } }');
  expect(await run('check', bad)).toMatchObject({ code: 1, err: `${bad}:2:5: rules[0].answer is missing` });
});

test('what is wrong with a file is told in the language of its reader, and machines in English', async () => {
  const bad = fileOf('rules:\n  - { when: { keyword: a } }');
  const inChinese = (...args: string[]) => runInProcess(args, { ...complete, WECHAT_OUTBOX_LANG: 'zh-CN' });
  const place = `${bad}:2:5: rules[0].answer`;
  expect((await inChinese('rules', 'check', bad)).err).toBe(`${place} 没有写`);
  expect((await inChinese('rules', 'check', bad, '--json')).out).toContain('rules[0].answer is missing');
  expect(
    await runInProcess(['start'], { ...complete, REPLIES: bad, WECHAT_OUTBOX_LANG: 'zh-CN' }),
  ).toMatchObject({
    code: 2,
    out: '',
    err: `wechat-outbox: REPLIES=${bad}：有问题\n${place} 没有写`,
  });
});

test('check without a file looks at all that REPLIES names, and at the models that rules leave answers to', async () => {
  const file = fileOf(rules);
  const folder = path.dirname(file);
  const own = path.join(folder, 'own.yaml');
  writeFileSync(path.join(folder, 'model.yaml'), 'baseUrl: https://a.example\nmodel: m\ntries: 9\n');
  writeFileSync(own, 'baseUrl: https://a.example\nmodel: m\napiKey: { env: KEY }\n');
  const settings = { ...complete, KEY: 'k', REPLIES: `${file},./replies.js,model:${own}` };
  const outcome = await runInProcess(['rules', 'check'], settings);
  expect(outcome.out.split('\n')).toEqual([`${file} is in order: 5 rules`, `${own} is in order: a model`]);
  expect(outcome.err).toContain(`${folder}/model.yaml: line 3, column 1: tries must be 5 at most`);
  expect(outcome.code).toBe(1);
  const { out } = await runInProcess(['rules', 'check', '--json'], settings);
  expect(JSON.parse(out)).toMatchObject([
    { file, ok: true, rules: 5 },
    { file: own, ok: true, rules: null },
    { ok: false, problems: [{ line: 3, column: 1, message: 'tries must be 5 at most' }] },
  ]);
  expect(await runInProcess(['rules', 'check'], { ...complete, REPLIES: './replies.js' })).toMatchObject({
    code: 2,
  });
});

test('versions are listed and shown, and an earlier one is put in force again, under the name of who did it', async () => {
  expect(await run('show')).toMatchObject({
    code: 2,
    err: expect.stringContaining('There are no rules in force'),
  });
  const first = (await put('rules.yaml', rules)) ?? '';
  const second = (await put('rules.yaml', 'rules: []', first)) ?? '';
  expect(await run('show')).toMatchObject({ code: 0, out: 'rules: []' });
  expect((await run('show', first)).out).toBe(rules.trimEnd());
  expect(await run('restore', first)).toMatchObject({
    code: 0,
    out: expect.stringContaining('rules.yaml is as in'),
  });
  expect((await run('show')).out).toBe(rules.trimEnd());
  expect((await run('test', '--event', 'subscribe')).out).toContain('✓ follow');
  const listed = JSON.parse((await run('versions', '--json')).out);
  expect(listed).toMatchObject([
    { origin: 'cli', operator: expect.stringContaining('@'), note: `as in version ${first}` },
    { id: second, origin: 'console' },
    { id: first, note: 'why not' },
  ]);
  const table = (await run('versions')).out.split('\n');
  expect(table).toHaveLength(4);
  expect(table[1]).toMatch(/cli .* in force$/);
});

test('where several files are in force, one must be named', async () => {
  await put('other.yaml', 'rules: []');
  expect(await run('show')).toMatchObject({
    code: 2,
    err: expect.stringContaining('other.yaml, rules.yaml'),
  });
  expect(await run('show', '--name', 'other.yaml')).toMatchObject({ code: 0, out: 'rules: []' });
  expect(await run('show', '--name', 'none.yaml')).toMatchObject({ code: 2 });
  // A message is tried against those of REPLIES, one after another.
  const settings = { ...complete, DATABASE_URL: database.url, REPLIES: 'other.yaml,sub/rules.yaml' };
  const tried = await runInProcess(['rules', 'test', '--event', 'subscribe'], settings);
  expect(tried.out).toMatch(/^other\.yaml\nNo rule would answer.*\n\nrules\.yaml\n✗ night.*\n✓ follow/);
  expect(tried.code).toBe(0);
  const json = await runInProcess(['rules', 'test', '--event', 'subscribe', '--json'], settings);
  expect(JSON.parse(json.out)).toMatchObject({
    file: 'rules.yaml',
    rule: 'follow',
    before: [{ file: 'rules.yaml' }],
  });
  expect(await run('test', 'hi')).toMatchObject({ code: 2, err: expect.stringContaining('--name') });
});

test('what this program would not take is not restored', async () => {
  const bad = (await put('bad.yaml', 'rules: 1')) ?? '';
  expect(await run('restore', bad)).toMatchObject({
    code: 2,
    err: expect.stringContaining('bad.yaml:1:8: '),
  });
});
