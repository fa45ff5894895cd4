import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { wordsOf } from '../../src/cli/words/index.js';
import { languageOf } from '../../src/lib/language.js';
import { runInProcess } from '../support/command-line.js';
import { testSettings } from '../support/service.js';
import { setStage, settled } from '../support/stage.js';

const chinese = { WECHAT_OUTBOX_LANG: 'zh-CN' };

test.each([
  [{}, 'en'],
  [{ LANG: 'zh_CN.UTF-8' }, 'zh-CN'],
  [{ LANG: 'zh' }, 'zh-CN'],
  [{ LANG: 'zha_CN.UTF-8' }, 'en'],
  [{ LANG: 'en_GB.UTF-8', LC_MESSAGES: 'zh_CN.UTF-8' }, 'zh-CN'],
  [{ LANG: 'zh_CN.UTF-8', LC_ALL: 'C.UTF-8' }, 'en'],
  [{ LANG: 'zh_CN.UTF-8', LC_ALL: '' }, 'zh-CN'],
  [{ LANG: 'zh_CN.UTF-8', WECHAT_OUTBOX_LANG: 'en' }, 'en'],
  [{ LC_ALL: 'en_GB.UTF-8', ...chinese }, 'zh-CN'],
  [{ LANG: 'zh_CN.UTF-8', WECHAT_OUTBOX_LANG: '' }, 'zh-CN'],
] as const)('%j asks for %s', (environment, language) => {
  expect(languageOf(environment)).toBe(language);
});

test('an environment that cannot be read keeps nobody from --help', async () => {
  const { code, out } = await runInProcess(['--help'], chinese, {
    environment: () => {
      throw new Error('.env cannot be read');
    },
  });
  expect(code).toBe(0);
  expect(out).toContain('Commands:');
});

/** Every message by its place. Of functions it is what they say of made-up values. */
function messagesOf(value: unknown, place = ''): [string, string][] {
  if (typeof value === 'string') return [[place, value]];
  if (typeof value === 'function') return [[place, String(value(...madeUp(place)))]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => messagesOf(one, place ? `${place}.${name}` : name));
}

/** For each parameter of a message something that it can be said with. */
const madeUp = (place: string): unknown[] => {
  if (place === 'terminal.ofCommander') return ["error: unknown command 'x'"];
  if (place === 'terminal.tally') return ['1', 'a', ['2'], false];
  if (place === 'terminal.progress.of') return ['1', '2', 'messages'];
  if (/list\.none|show\.notFound|requeue\.none/.test(place)) return ['messages', '1'];
  if (/noSuchState/.test(place)) return ['messages', 'x', ['y']];
  if (/whichAccount|cancel\.question/.test(place)) return ['x', ['y']];
  if (/applied|queued|sendAgain|newerMigrations|migrate.newer|pending|mayNotWrite|wouldOverwrite/.test(place))
    return [['x']];
  if (/unknownMigrations/.test(place)) return [['x'], ['y']];
  if (place.startsWith('settings.sentences')) return [madeUpProblem];
  if (place === 'init.wrongAnswer') return ['x', 'y'];
  if (place === 'init.next')
    return [{ answers: { database: 'compose', consoleUser: 'x' }, version: '1', hasUser: false }];
  if (/export\.done/.test(place)) return [1, 2, { since: '3', until: '4' }];
  if (/status\.oldest/.test(place)) return [{ id: '1', openid: 'x', age: '2 s', error: undefined }];
  return [1, 2, 3, 4];
};

/** What no problem has all of, but each some. */
const madeUpProblem = {
  ...{ where: 'X', form: 'port', given: '99999', expected: 'object', keys: ['y'], text: 'x', cause: 'x' },
  ...{ one: 'X', other: 'Y', setting: 'X', because: 'PROCESSES', role: 'worker', requiredBy: 'X', name: 'X' },
  ...{ port: 1, first: 1, last: 2, connections: 1, least: 2 },
  problem: { kind: 'percent' },
};

/** Names and numbers, which are the same in every language. */
const isSame =
  /columns\.(openid|errmsg)$|failures\.columns\.5$|rates\.columns\.0$|processes\.columns\.[02]$|move\.step$/;

describe('the catalogue', () => {
  const english = new Map(messagesOf({ ...wordsOf('en'), language: {} }));
  const inChinese = new Map(messagesOf({ ...wordsOf('zh-CN'), language: {} }));

  test('says each message in both languages, and each in its own', () => {
    expect(english.size).toBeGreaterThan(200);
    expect([...inChinese.keys()]).toEqual([...english.keys()]);
    const alike = [...english].filter(
      ([place, text]) => !isSame.test(place) && inChinese.get(place) === text,
    );
    expect(alike).toEqual([]);
  });

  test('has Chinese in the Chinese, and none in the English but for names', () => {
    const without = [...inChinese].filter(
      ([place, text]) => !isSame.test(place) && !/\p{Script=Han}/u.test(text) && /[a-z]{4}/i.test(text),
    );
    expect(without.map(([, text]) => text)).toEqual([
      'access_token',
      'wechat-outbox，1',
      'Worker',
      'HTTP',
      'ACCOUNTS_FILE 1：2',
      'AppID：',
      'accounts.json',
    ]);
    const names =
      /小明|小红|小刚|退款|认证|接口配置信息|域名与消息推送配置|安全模式|兼容模式|明文模式|IP白名单|接口测试号|服务号|公众号/g;
    const within = [...english].filter(([, text]) => /\p{Script=Han}/u.test(text.replace(names, '')));
    expect(within).toEqual([]);
  });
});

describe('in Chinese', () => {
  test('--help is whole, says nothing in English, and stays within its lines', async () => {
    const commands = ['', 'start', 'list', 'requeue', 'export', 'send', 'token refresh', 'doctor'];
    for (const command of commands) {
      const { code, out } = await runInProcess([...command.split(' '), '--help'].filter(Boolean), chinese);
      expect(code).toBe(0);
      expect(out).toContain('用法：');
      expect(out).not.toMatch(/Usage|Options:|Commands:|default|choices|display/);
      const [usual = ''] = out.split('\n示例');
      for (const line of usual.split('\n')) expect(stringWidth(line), line).toBeLessThanOrEqual(110);
    }
    const { out } = await runInProcess(['--help'], chinese);
    const { help } = wordsOf('zh-CN');
    const together = (text: string) => text.replaceAll(/\s/g, '');
    for (const about of [help.about, help.status.about, help.doctor.about, help.pause.about])
      expect(together(out)).toContain(together(about));
  });

  test.each([
    [['lst'], /错误：没有命令 lst\n（是不是 list？）/],
    [['start', '--fast'], /错误：没有选项 --fast/],
    [['start', '--role', 'boss'], /--role <role> 的值“boss”无效。可选：all, ingress, worker。/],
    [['start', 'now'], /错误：多余的参数：now。/],
    [['show'], /错误：缺少参数 <id>/],
    [['show', 'abc'], /参数 id 的值“abc”无效。应是数字/],
    [['send', 'oAnna'], /缺少必填的选项 --text <text>/],
    [['send', 'oAnna', '--text'], /选项 --text <text> 后面缺少值/],
    [['list', '--state', 'lost'], /^wechat-outbox: 投递没有状态“lost”，可选：pending、/],
    [['requeue'], /请指明哪些/],
  ])('%j is refused with what to do', async (args, message) => {
    const { code, err } = await runInProcess(args, chinese);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/error:/);
    expect(code).toBe(2);
  });

  test('an operator sees what failed, why, and what to do; scripts read what they always read', async () => {
    const { account, simulator, database, start } = await setStage();
    await start({ replies: ({ message }) => (message.kind === 'text' ? message.content : undefined) });
    simulator.faults.add({ fault: { errcode: 45002, errmsg: 'content size out of limit rid: 1' } });
    await simulator.user('oAnna').say('请问我上周买的书什么时候能送到');
    await settled(database, 1);
    const settings = { DATABASE_URL: database.url };
    const cli = (...args: string[]) => runInProcess(args, { ...settings, ...chinese });

    const status = await cli('status');
    expect(status.out).toMatch(/1 个 worker 存活 · 0 条消息等待中 · 24 小时内 1 条投递未发出/);
    expect(status.out).toMatch(/未发出，最近 24 小时\n公众号 +状态 +错误码 +投递 +最近一次 +errmsg/);
    const list = await cli('list');
    const [titles = '', row = ''] = list.out.split('\n');
    // Columns stay columns below titles of wide characters.
    expect(stringWidth(titles.slice(0, titles.indexOf('状态')))).toBe(
      stringWidth(row.slice(0, row.indexOf('failed'))),
    );
    expect(list.out).toMatch(/以来 1 条投递$/);
    const [{ id, message_id } = { id: '', message_id: '' }] = JSON.parse(
      (await cli('list', '--json')).out,
    ) as { id: string; message_id: string }[];
    const show = await cli('show', message_id);
    expect(show.out).toMatch(/^消息 \d+\n {2}用户 {12}oAnna，发给 /);
    expect(show.out).toMatch(/45002：文本太长\n\n重新发送：wechat-outbox requeue \d+/);
    expect((await cli('requeue', id, '--dry-run')).out).toBe(`1 条投递：可以重新入队（${id}）`);
    expect((await cli('requeue', id)).err).toContain(
      '重新入队 1 条投递？没有改动任何东西：确认要执行请加 --yes',
    );
    expect((await cli('pause', account.appId)).out).toMatch(/ 起暂停发送（operator），直到执行 /);
    expect((await cli('resume', account.appId)).out).toBe(`${account.appId} 已恢复发送`);

    for (const args of [
      ['list', '--since', '2026-11-01'],
      ['list', 'messages', '--state', 'settled'],
      ['show', message_id],
      ['conversation', 'oAnna'],
      ['requeue', id, '--dry-run'],
      ['resume', account.appId],
    ]) {
      const { code, out } = await cli(...args, '--json');
      expect({ code, out }).toEqual(
        await runInProcess([...args, '--json'], settings).then((english) => ({
          code: english.code,
          out: english.out,
        })),
      );
    }
  });

  test('the doctor says what is in the way, and what to do about it', async () => {
    const { account, simulator, database } = await setStage();
    const settings = testSettings({ account, simulator, databaseUrl: database.url });
    simulator.faults.add({ path: '/cgi-bin/stable_token', fault: { errcode: 40164 }, times: 3 });
    const { out } = await runInProcess(['doctor'], { ...settings, PORT: '9', ...chinese });
    expect(out).toMatch(
      /^fail {2}token {12}.*拿不到 access_token：40164 .*（本机 IP 不在公众号的 IP 白名单里）$/m,
    );
    expect(out).toMatch(/→ 在后台（基本配置）把本机 IP 加入 IP 白名单/);
    expect(out).toMatch(/^warn {2}workers {10}没有存活的/m);
    expect(out).toMatch(/\d 项需要处理$/);

    const json = async (language: object) => {
      const { out } = await runInProcess(['doctor', '--json'], { ...settings, PORT: '9', ...language });
      // Each refusal has its rid; the rest is how long something took, and how many connections are open just now.
      return out.replaceAll(/rid: [\w-]+|\d+/g, '0');
    };
    expect(await json(chinese)).toBe(await json({}));
  });
});
