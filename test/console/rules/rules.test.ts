import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Role } from '../../../src/console/contract/rights.js';
import type {
  RuleDiff,
  RuleSet,
  RuleSetView,
  RulesCheck,
  RulesTrial,
  RuleVersion,
  TrialType,
} from '../../../src/console/contract/rules.js';
import type { Area } from '../../../src/console/server/area.js';
import { createRulesRoutes } from '../../../src/console/server/rules/routes.js';
import { startConsole, type TestConsole, type Visitor } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

const area: Area = (parts) => createRulesRoutes({ ...parts, accounts: parts.config.accounts });

const rules = (answer: string) => `rules:
  - name: hello
    when: { keyword: hello }
    answer: ${answer}
`;

let database: TestDatabase;
let console: TestConsole;
let mei: Visitor;
beforeEach(async () => {
  database = await createTestDatabase();
  console = await startConsole(database, {
    areas: [area],
    settings: {
      REPLIES: '/etc/bot/rules.yaml,https://bot.example/reply',
      REPLIES_HTTP_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
    },
  });
  mei = await console.signedIn('operator', 'mei');
});
afterEach(() => database.drop());

const json = async <T>(answer: Promise<Response> | Response) => (await (await answer).json()) as T;

async function save(text: string, expected: string | null, note: string | null = null): Promise<RuleVersion> {
  const answer = await mei.send('PUT', 'rules/rules.yaml', { text, expected, note });
  expect(answer.status).toBe(200);
  return json<RuleVersion>(answer);
}

describe('sets', () => {
  test('are those that REPLIES names, and those that have versions', async () => {
    expect(await json(mei.get('rules'))).toEqual([
      { name: 'rules.yaml', used: true, version: null },
    ] satisfies RuleSet[]);
    await database.rows(`select wechat.change_rules('old.yaml', 'rules: []', null, 'begun', 'cli')`);
    expect(await json(mei.get('rules'))).toMatchObject([
      { name: 'old.yaml', used: false, version: { origin: 'cli', note: 'begun' } },
      { name: 'rules.yaml', used: true },
    ]);
    expect(await json(mei.get('rules/rules.yaml'))).toEqual({
      ...{ name: 'rules.yaml', used: true, version: null, text: '', versions: [] },
    } satisfies RuleSetView);
    expect((await mei.get('rules/other.yaml')).status).toBe(404);
    expect(
      (await mei.send('PUT', 'rules/other.yaml', { text: 'rules: []', expected: null, note: null })).status,
    ).toBe(404);
  });
});

describe('a text', () => {
  test('is saved as a version under the name of the person, and can be had again', async () => {
    const first = await save(rules('one'), null);
    const second = await save(rules('two'), first.id, 'for the holidays');
    expect(second).toEqual({
      ...{ id: expect.stringMatching(/^\d+$/), at: expect.stringMatching(/Z$/) },
      ...{ by: 'mei', origin: 'console', note: 'for the holidays' },
    });
    expect(await json(mei.get('rules/rules.yaml'))).toEqual({
      ...{ name: 'rules.yaml', used: true, text: rules('two'), version: second, versions: [second, first] },
    } satisfies RuleSetView);
    expect(
      await database.rows(
        `select actor, action, details from wechat.operator_action where action = 'rules_change' order by id`,
      ),
    ).toEqual(
      [first, second].map(({ id }) => ({
        ...{ actor: 'mei', action: 'rules_change' },
        details: { rules: 'rules.yaml', version: Number(id), origin: 'console' },
      })),
    );
  });

  test('that somebody else was quicker with is not saved, and it is said who it was', async () => {
    const first = await save(rules('one'), null);
    const han = await console.signedIn('admin', 'han');
    const body = { text: rules('his'), expected: first.id, note: null };
    const second = await json<RuleVersion>(han.send('PUT', 'rules/rules.yaml', body));
    for (const expected of [first.id, null]) {
      const refused = await mei.send('PUT', 'rules/rules.yaml?lang=en', {
        text: rules('mine'),
        expected,
        note: null,
      });
      expect([refused.status, await refused.json()]).toEqual([
        409,
        {
          ...{ error: 'conflict', version: second },
          message: `Meanwhile han saved version ${second.id}: nothing was changed`,
        },
      ]);
    }
    expect(await json(mei.get('rules/rules.yaml'))).toMatchObject({ text: rules('his') });
  });

  test('with problems is told their places, and changes nothing', async () => {
    const text = 'rules:\n  - when: { keyword: a, hours: soon }\n    answer: b\n';
    const check = await json<RulesCheck>(mei.send('POST', 'rules/check', { text }));
    expect(check).toEqual({
      rules: 0,
      problems: [
        { line: 2, column: expect.any(Number), message: expect.stringContaining('rules[0].when.hours') },
      ],
    });
    const refused = await mei.send('PUT', 'rules/rules.yaml', { text, expected: null, note: null });
    expect([refused.status, await refused.json()]).toMatchObject([
      422,
      { error: 'bad_rules', problems: check.problems },
    ]);
    expect(await json(mei.get('rules/rules.yaml'))).toMatchObject({ version: null });
    expect(await json(mei.send('POST', 'rules/check', { text: rules('one') }))).toEqual({
      ...{ rules: 1, problems: [] },
    } satisfies RulesCheck);
  });

  test('of an earlier version is put in force again as one more', async () => {
    const first = await save(rules('one'), null);
    const second = await save(rules('two'), first.id);
    const gone = { version: first.id, expected: first.id };
    expect((await mei.send('POST', 'rules/rules.yaml/back', gone)).status).toBe(409);
    const third = await json<RuleVersion>(
      mei.send('POST', 'rules/rules.yaml/back', { version: first.id, expected: second.id }),
    );
    expect(third).toMatchObject({ by: 'mei', note: `back to version ${first.id}` });
    const view = await json<RuleSetView>(mei.get('rules/rules.yaml'));
    expect(view).toMatchObject({ text: rules('one'), version: { id: third.id } });
    expect(view.versions.map(({ id }) => id)).toEqual([third.id, second.id, first.id]);
    expect(
      (await mei.send('POST', 'rules/rules.yaml/back', { version: '999', expected: third.id })).status,
    ).toBe(404);
  });

  test('is compared with another version, and with one that is not saved yet', async () => {
    const many = Array.from({ length: 20 }, (_, at) => `# ${at}`).join('\n');
    const first = await save(`${many}\n${rules('one')}`, null);
    const second = await save(`${many}\r\n${rules('two')}`.replaceAll(/\r?\n/g, '\r\n'), first.id);
    const diff = await json<RuleDiff>(
      mei.send('POST', 'rules/rules.yaml/diff', { from: first.id, to: second.id }),
    );
    expect(diff).toMatchObject({ added: 1, removed: 1 });
    expect(diff.lines.map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['skipped', 1, 1],
      ...[21, 22, 23].map((line) => ['same', line, line]),
      ['removed', 24, null],
      ['added', null, 24],
      ['same', 25, 25],
    ]);
    const draft = { from: second.id, text: `${many}\n${rules('two')}` };
    expect(await json(mei.send('POST', 'rules/rules.yaml/diff', draft))).toEqual({
      ...{ added: 0, removed: 0, lines: [] },
    } satisfies RuleDiff);
    expect((await mei.send('POST', 'rules/other.yaml/diff', draft)).status).toBe(404);
  });
});

describe('a message is tried against a text that is not saved', () => {
  const text = `rules:
  - name: later
    when: { keyword: { contains: hello } }
    answer: too late
  - name: boss
    priority: 9
    when: { keyword: { contains: hello }, account: wxboss }
    answer: yes, boss
  - name: shop
    when: { scan: [shop-*, till] }
    answer: [{ type: image, media: abc }, { handOver: 'at {{scene}}' }]
  - name: night
    when: { type: text, hours: 22:00-06:00 }
    answer: we sleep
  - name: order
    when: { keyword: { matches: 'order (\\d+)' } }
    answer: your order {{match.1}}
  - name: model
    when: { keyword: think }
    answer: { http: 'https://bot.example/think' }
default: please wait
`;

  async function attempt(
    type: TrialType,
    value: string,
    more: { at?: string; account?: string; lang?: string } = {},
  ): Promise<RulesTrial> {
    const { at = '2026-03-04T12:00:00+08:00', account = null, lang = 'en' } = more;
    return json(mei.send('POST', `rules/try?lang=${lang}`, { text, message: { type, value }, account, at }));
  }
  const whys = ({ passed }: RulesTrial) => Object.fromEntries(passed.map(({ rule, why }) => [rule, why]));

  test('which rule answers, with what, and why those before it do not', async () => {
    const trial = await attempt('text', 'Hello, you');
    expect(trial).toEqual({
      problems: [],
      answer: { rule: 'later', line: 2, says: ['too late'] },
      passed: [{ rule: 'boss', line: 5, why: 'It is for wxboss, and this is wx0123456789abcdef' }],
      passedInAll: 1,
    } satisfies RulesTrial);
    expect(await attempt('text', 'hello', { account: 'wxboss' })).toMatchObject({
      ...{ answer: { rule: 'boss', says: ['yes, boss'] }, passed: [] },
    });
    expect(await attempt('text', 'order 12')).toMatchObject({
      answer: { rule: 'order', says: ['your order 12'] },
    });
    expect(await attempt('voice', '你好')).toMatchObject({ answer: { line: null, says: ['please wait'] } });
    expect(await attempt('text', 'think')).toMatchObject({
      answer: { rule: 'model', says: ['The answer is left to the service https://bot.example/think'] },
    });
  });

  test('by scene, event and hour', async () => {
    const scan = await attempt('subscribe', 'shop-7');
    expect(scan.answer).toEqual({
      ...{ rule: 'shop', line: 9 },
      says: ['[image] {"media":"abc"}', 'A person is asked for: at shop-7'],
    });
    const click = await attempt('click', 'ABOUT');
    expect(click).toMatchObject({ answer: null, passedInAll: 6 });
    expect(whys(click)).toMatchObject({
      later: 'This is an event, and those reach only rules that name event, click, scan or type: event',
      shop: 'It waits for a scan of shop-*, till',
    });
    expect(whys(await attempt('text', 'x')).night).toBe(
      'Not at this time: in Asia/Shanghai it is Wednesday, 12:00',
    );
    expect(await attempt('text', 'x', { at: '2026-03-04T23:30:00+08:00' })).toMatchObject({
      answer: { rule: 'night' },
    });
  });

  test('in the language of the person, and not at all where the text has problems', async () => {
    expect(whys(await attempt('text', 'x', { lang: 'zh-CN' }))).toMatchObject({
      night: '不在时间内：Asia/Shanghai 现在是星期三 12:00',
      later: '文本里没有它的关键词，表达式也不匹配',
    });
    const message = { type: 'text', value: 'x' };
    const bad = { text: 'rules: 1', message, account: null, at: null };
    expect(await json(mei.send('POST', 'rules/try', bad))).toMatchObject({
      ...{ problems: [{ line: 1 }], answer: null, passed: [] },
    });
    const check = await json<RulesCheck>(mei.send('POST', 'rules/check?lang=zh-CN', { text: 'rules: 1' }));
    expect(check.problems).toMatchObject([{ message: 'rules 应是规则的列表' }]);
  });

  test('of thousands of rules the first hundred are told', async () => {
    const many = Array.from(
      { length: 5_000 },
      (_, at) => `  - when: { keyword: word ${at} }\n    answer: a\n`,
    );
    const body = {
      ...{ text: `rules:\n${many.join('')}`, account: null, at: null },
      message: { type: 'text', value: 'word 4999' },
    };
    const trial = await json<RulesTrial>(mei.send('POST', 'rules/try', body));
    expect(trial).toMatchObject({ answer: { rule: 'rule 5000' }, passedInAll: 4_999 });
    expect(trial.passed).toHaveLength(100);
  });
});

describe('rights', () => {
  const message = { type: 'text', value: 'hello' };
  const trial = { text: rules('one'), message, account: null, at: null };

  test.each<Role>(['viewer', 'agent', 'analyst'])(
    '%s reads, checks and tries, and changes nothing',
    async (role) => {
      const first = await save(rules('one'), null);
      const person = await console.signedIn(role);
      expect((await person.get('rules')).status).toBe(200);
      expect((await person.get('rules/rules.yaml')).status).toBe(200);
      expect((await person.send('POST', 'rules/check', { text: '' })).status).toBe(200);
      expect((await person.send('POST', 'rules/try', trial)).status).toBe(200);
      expect(
        (await person.send('POST', 'rules/rules.yaml/diff', { from: first.id, to: first.id })).status,
      ).toBe(200);
      const refused = [
        await person.send('PUT', 'rules/rules.yaml', { text: rules('two'), expected: first.id, note: null }),
        await person.send('POST', 'rules/rules.yaml/back', { version: first.id, expected: first.id }),
      ];
      for (const answer of refused)
        expect([answer.status, await answer.json()]).toMatchObject([
          403,
          { error: 'forbidden', right: 'rule' },
        ]);
      expect(await json(mei.get('rules/rules.yaml'))).toMatchObject({ version: { id: first.id } });
    },
  );

  test('nobody who is not signed in sees any', async () => {
    const nobody = console.visitor();
    expect((await nobody.get('rules')).status).toBe(401);
    expect((await nobody.get('rules/rules.yaml')).status).toBe(401);
    expect((await nobody.send('POST', 'rules/try', trial)).status).toBe(401);
  });

  test('without the token of the session nothing changes', async () => {
    const body = { text: rules('one'), expected: null, note: null };
    const refused = await mei.send('PUT', 'rules/rules.yaml', body, { 'x-csrf-token': 'other' });
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: 'csrf' }]);
    expect(await json(mei.get('rules/rules.yaml'))).toMatchObject({ version: null });
  });
});

test.each([
  ['PUT', 'rules/rules.yaml', { text: 'rules: []', expected: '-1', note: null }],
  ['PUT', 'rules/rules.yaml', { text: 'rules: []', note: null }],
  ['PUT', 'rules/rules.yaml', { text: 'a\0b', expected: null, note: null }],
  ['POST', 'rules/rules.yaml/back', { version: '1' }],
  ['POST', 'rules/rules.yaml/diff', { from: '1' }],
  ['POST', 'rules/check', { text: 1 }],
  ['POST', 'rules/try', { text: '', message: { type: 'sms', value: '' }, account: null, at: null }],
  ['POST', 'rules/try', { text: '', message: { type: 'text', value: '' }, account: null, at: 'soon' }],
  ['POST', 'rules/try', { text: '', message: { type: 'event', value: ' ' }, account: null, at: null }],
])('%s %s refuses %j', async (method, path, body) => {
  const answer = await mei.send(method, path, body);
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'bad_request' }]);
});
