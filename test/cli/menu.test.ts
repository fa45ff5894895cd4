import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { diffLines } from '../../src/cli/menu/diff.js';
import type { CurrentMenu } from '../../src/cli/menu/fetch.js';
import { parseMenuFile, writeMenuFile } from '../../src/cli/menu/file.js';
import type { Menu } from '../../src/cli/menu/menu.js';
import { planPush } from '../../src/cli/menu/plan.js';
import { runInProcess } from '../support/command-line.js';
import { testSettings } from '../support/service.js';
import { setStage } from '../support/stage.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const yaml = `button:
  - name: 新书
    type: click
    key: "001"
  - name: 服务
    sub_button:
      - name: 官网
        type: view
        url: https://shop.example.com/
      - name: 小程序
        type: miniprogram
        url: https://shop.example.com/
        appid: wx0123456789abcdef
        pagepath: pages/index
`;
const members = `conditionalmenu:
  - matchrule:
      tag_id: "2"
    button:
      - name: 会员
        type: click
        key: MEMBER
`;

async function stage() {
  const { account, simulator, database } = await setStage();
  const folder = await temporaryDirectory();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const settings = testSettings({ account, simulator, databaseUrl: database.url });
  const file = path.join(folder, 'menu.yaml');
  const callsOf = (name: string) =>
    simulator.calls.filter((one) => one.path === `/cgi-bin/menu/${name}`).length;
  return {
    ...{ account, simulator, database, settings, file, callsOf },
    write: (content: string) => writeFileSync(file, content),
    read: () => readFileSync(file, 'utf8').replace(/^#.*\n+/gm, ''),
    run: (...args: string[]) => runInProcess(['menu', ...args], settings),
  };
}

describe('menu', () => {
  test('push shows what changes and makes it so, pull brings it back, and diff tells of nothing then', async () => {
    const { simulator, database, account, file, write, read, run, callsOf } = await stage();
    write(yaml + members);
    const differs = await run('diff', file);
    expect(differs).toMatchObject({ code: 1, out: expect.stringContaining('+   - name: 新书') });
    const pushed = await run('push', file, '--yes');
    expect(pushed).toMatchObject({ code: 0, err: '', out: expect.stringContaining('+     key: "001"') });
    expect(simulator.menus.current()).toMatchObject([{ key: '001' }, { sub_button: [{}, {}] }]);
    expect(await run('diff', file)).toMatchObject({ code: 0 });
    expect(await run('pull', file)).toMatchObject({ code: 2, err: expect.stringContaining('--overwrite') });
    expect(await run('pull', file, '--overwrite')).toMatchObject({ code: 0 });
    expect(read()).toBe(yaml + members);
    expect(await run('push', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('is that of the file'),
    });
    expect(callsOf('create')).toBe(1);
    expect(callsOf('addconditional')).toBe(1);
    expect(await database.rows(`select action, app_id, details from wechat.operator_action`)).toEqual([
      { action: 'menu_push', app_id: account.appId, details: { steps: ['create', 'add'] } },
    ]);
  });

  test('push asks, and does nothing where nobody can say yes', async () => {
    const { file, write, run, callsOf } = await stage();
    write(yaml);
    expect(await run('push', file)).toMatchObject({ code: 2, out: expect.stringContaining('新书') });
    expect(callsOf('create')).toBe(0);
  });

  test('push changes of conditional menus only what is another, and deletes a menu without buttons', async () => {
    const { simulator, file, write, run, callsOf } = await stage();
    write(yaml + members);
    await run('push', file, '--yes');
    const newest = `  - matchrule: { client_platform_type: 1 }
    button: [{ name: iOS, type: click, key: IOS }]
`;
    write(yaml + members.replace('conditionalmenu:\n', `conditionalmenu:\n${newest}`));
    const steps = async () => JSON.parse((await run('push', file, '--yes', '--json')).out).steps;
    expect(await steps()).toEqual(['add']);
    write(yaml + members);
    expect(await steps()).toEqual(['remove']);
    write('button: []\n');
    expect(await steps()).toEqual(['delete']);
    expect(simulator.menus.current()).toBeUndefined();
    expect(callsOf('create')).toBe(1);
  });

  test('what WeChat refuses all the same is told with its code', async () => {
    const { simulator, file, write, run } = await stage();
    simulator.faults.add({
      path: '/cgi-bin/menu/create',
      fault: { errcode: 48001, errmsg: 'api unauthorized rid: 1-2' },
    });
    write(yaml);
    expect(await run('push', file, '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('/cgi-bin/menu/create: 48001 api unauthorized rid: 1-2'),
    });
  });

  test('pull reads what was made in the console: what that answers gets a key, and the answer is named', async () => {
    const { simulator, run } = await stage();
    simulator.menus.setInConsole({
      button: [
        { name: '优惠', type: 'text', value: '本周\n八折' },
        {
          name: '更多',
          sub_button: {
            list: [
              { name: '官网', type: 'view', url: 'https://shop.example.com/' },
              { name: '图片', type: 'img', value: 'MEDIA' },
            ],
          },
        },
      ],
    });
    const { code, out } = await run('pull');
    expect(code).toBe(0);
    expect(out).toContain(
      '  # In the console: text, 本周 八折\n  - name: 优惠\n    type: click\n    key: menu_1\n',
    );
    const parsed = parseMenuFile(out);
    expect(parsed).toMatchObject({
      ok: true,
      menu: {
        button: [{ key: 'menu_1' }, { sub_button: [{ type: 'view' }, { type: 'click', key: 'menu_2_2' }] }],
      },
    });
  });

  test('says which account is meant where there are several, and which there are', async () => {
    const { settings, account } = await stage();
    const folder = await temporaryDirectory();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const accounts = path.join(folder, 'accounts.yaml');
    const { WECHAT_APP_ID: _, WECHAT_APP_SECRET, WECHAT_TOKEN, ...others } = settings;
    const one = (appId: string) => ({ appId, appSecret: { env: 'SECRET' }, token: { env: 'TOKEN' } });
    writeFileSync(accounts, JSON.stringify({ accounts: [one(account.appId), one('wx0000000000000002')] }));
    const several = {
      ...others,
      ACCOUNTS_FILE: accounts,
      SECRET: String(WECHAT_APP_SECRET),
      TOKEN: String(WECHAT_TOKEN),
    };
    expect(await runInProcess(['menu', 'pull'], several)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`${account.appId}, wx0000000000000002`),
    });
    const pull = ['menu', 'pull', '--account', account.appId];
    expect(await runInProcess(pull, several)).toMatchObject({
      code: 0,
      out: expect.stringContaining('button: []'),
    });
  });
});

describe('a menu file', () => {
  test.each([
    [
      'button:\n  - name: 六个汉字的名\n    type: click\n    key: K',
      /:2:11: button\[0\]\.name has 18 bytes .* 16 at most/,
    ],
    ['button:\n  - name: a\n    type: text\n    value: x', /:3:11: .*must be click, view/],
    ['button:\n  - name: a\n    type: click', /:2:5: button\[0\]\.key is missing/],
    ['button:\n  - { name: a, type: view, url: shop.example }', /:2:33: .*must be an http\(s\) URL/],
    ['button:\n  - { name: a, type: click, key: K, url: "https://a.example" }', /:2:37: .*no field "url"/],
    ['button:\n  - name: a\n    sub_button: []', /:3:17: .*at least one/],
    [
      'button:\n  - name: a\n    sub_button:\n      - { name: b, sub_button: [] }',
      /:4:9: button\[0\]\.sub_button\[0\]/,
    ],
    [
      `${yaml}conditionalmenu:\n  - matchrule: { sex: 1 }\n    button: [{ name: a, type: click, key: K }]`,
      /no longer a condition/,
    ],
    [
      `${yaml}conditionalmenu:\n  - matchrule: {}\n    button: [{ name: a, type: click, key: K }]`,
      /must have tag_id/,
    ],
    ['buttons: []', /:1:1: .*/],
    ['button: [', /:1:1?0: /],
  ])('%j is refused, with its place', async (content, message) => {
    const { file, write, run } = await stage();
    write(content);
    const { code, err } = await run('diff', file);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    const parsed = parseMenuFile(content);
    for (const { text } of parsed.ok ? [] : parsed.problems) expect(text['zh-CN']).toMatch(/\p{Script=Han}/u);
  });

  test('may be the JSON of menu/create, and is written as it was read', () => {
    const parsed = parseMenuFile('{"button":[{"type":"click","name":"a","key":"K","sub_button":[]}]}');
    expect(parsed.ok).toBe(false);
    const read = parseMenuFile('{"button":[{"type":"click","name":"a","key":"K"}]}');
    expect(read).toMatchObject({ ok: true, menu: { button: [{ name: 'a', type: 'click', key: 'K' }] } });
    const again = parseMenuFile(yaml + members);
    expect(again.ok && writeMenuFile(again.menu)).toBe(yaml + members);
  });
});

describe('a push', () => {
  const one = (key: string) => ({ name: key, type: 'click', key });
  const conditional = (key: string) => ({ matchrule: { tag_id: key }, button: [one(key)] });
  const menu = (...keys: string[]): Menu => ({
    button: [one('all')],
    conditionalmenu: keys.map(conditional),
  });
  const at = (...keys: string[]): CurrentMenu => ({
    ...menu(...keys),
    ...{ from: 'api', answered: new Map() },
    conditionalmenu: keys.map((key) => ({ ...conditional(key), menuId: `id of ${key}` })),
  });

  test.each([
    [['a', 'b'], ['a', 'b'], []],
    [['b'], ['a', 'b'], ['add a']],
    // Those above it must be made anew, for the last one is tried first.
    [
      ['a', 'c'],
      ['a', 'b', 'c'],
      ['add b', 'add a', 'remove id of a'],
    ],
    [
      ['a', 'b'],
      ['b', 'a'],
      ['add a', 'add b', 'remove id of a', 'remove id of b'],
    ],
    [['a', 'b'], [], ['remove id of a', 'remove id of b']],
  ])('from %j to %j takes %j', (before, after, steps) => {
    const planned = planPush(at(...before), menu(...after)).map((step) => {
      if (step.kind === 'add') return `add ${step.menu.matchrule.tag_id}`;
      return step.kind === 'remove' ? `remove ${step.menuId}` : step.kind;
    });
    expect(planned).toEqual(steps);
  });

  test('makes by API what was made in the console, though it is the same', () => {
    const made: CurrentMenu = { ...at(), from: 'console' };
    expect(planPush(made, menu())).toEqual([{ kind: 'create', button: menu().button }]);
    expect(planPush({ ...made, from: 'none', button: [] }, { button: [], conditionalmenu: [] })).toEqual([]);
  });
});

test('a diff keeps what both have in common', () => {
  const shown = diffLines('a\nb\nc\nd\n', 'a\nx\nc\nd\ne\n').map(({ sign, line }) => sign + line);
  expect(shown).toEqual([' a', '-b', '+x', ' c', ' d', '+e']);
  expect(diffLines('', 'a\n')).toEqual([{ sign: '+', line: 'a' }]);
});

test('the example of the page is a menu that WeChat takes', async () => {
  const { simulator, run } = await stage();
  const example = path.join(import.meta.dirname, '../../docs/examples/menu/menu.yaml');
  expect(await run('push', example, '--yes')).toMatchObject({ code: 0 });
  expect(simulator.menus.current()).toHaveLength(3);
});
