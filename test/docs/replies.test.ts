import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { fitReplies } from '../../src/replies/fit.js';
import { loadReplies } from '../../src/replies/load.js';
import type { ReplyContext } from '../../src/replies/router.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';
import { eventMessage, textMessage } from '../support/messages.js';
import { replyContext } from '../support/reply-context.js';
import { readPage, root } from './pages.js';

/** Inside of the repository, so that modules find what they import. */
const directory = mkdtempSync(path.join(root, 'test/docs/.modules-'));

const modules = ['replies.md', 'checks.md']
  .flatMap((name) => [`docs/${name}`, `docs/zh-CN/${name}`])
  .flatMap((file, page) =>
    readPage(file)
      .blocks.filter(({ language }) => language === 'ts')
      .map(({ code }, index) => ({
        title: `${file}, module ${index + 1}`,
        file: path.join(directory, `page-${page}-module-${index}.ts`),
        // By its name the package would be the one that was built last.
        code: code.replace(`from 'wechat-outbox'`, `from '../../../src/index.js'`),
      })),
  );

beforeAll(() => {
  for (const { file, code } of modules) writeFileSync(file, code);
  const settings = { extends: '../../../tsconfig.json', include: ['*.ts'] };
  writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify(settings));
});

afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => vi.unstubAllGlobals());

test('every module of the page compiles', async () => {
  expect(modules.length).toBeGreaterThan(10);
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  const compiled = promisify(execFile)(tsc, ['--project', directory]).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
  expect(await compiled).toBe('');
});

const words = [
  ...['hello', 'help', 'hours', 'order 42', 'link', 'news', 'map', 'anthem', 'film', 'song', 'rate', 'shop'],
  ...[
    'coupon',
    'article',
    'draft',
    'human',
    '帮助',
    '营业时间',
    '订单 42',
    '链接',
    '图文',
    '地图',
    '语音',
    '视频',
  ],
  ...['summary', 'tag', '小结', '标签'],
  ...['音乐', '评价', '商城', '优惠券', '文章', '草稿', '人工'],
];

const common = { openid: 'o1', toUserName: 'gh_1', createTime: 1_700_000_000, fields: {} };

const messages: readonly InboundMessage[] = [
  ...words.map((content) => textMessage({ content })),
  eventMessage('subscribe', { eventKey: 'qrscene_7' }),
  eventMessage('SCAN', { eventKey: '7' }),
  eventMessage('CLICK', { eventKey: 'HELP' }),
  eventMessage('WifiConnected'),
  { ...common, kind: 'image', picUrl: 'https://www.example.com/a.png', mediaId: 'm1', msgId: '1' },
  { ...common, kind: 'voice', mediaId: 'm2', format: 'amr', recognition: 'hello', msgId: '2' },
];

const contextOf = (message: InboundMessage): ReplyContext =>
  replyContext(message, {
    account: { appId: 'wx1', name: '晨光书店' },
    history: async () => [
      { from: 'user', at: new Date(), type: 'image', text: undefined, agent: undefined, messageId: '1' },
    ],
    state: {
      get: async () => ({ value: ['hello'], version: 1 }),
      set: async () => 'stored',
      clear: async () => {},
    },
    wechat: {
      call: async () => ({}),
      media: async () => ({
        contentType: 'image/png',
        filename: 'a.png',
        length: 3,
        stream: Readable.from([Buffer.from('abc')]),
      }),
    },
  });

describe.each(modules)('$title', ({ file }) => {
  test('answers at least one message, and with nothing that could not be sent', async () => {
    vi.stubGlobal('fetch', async () => Response.json({ choices: [{ message: { content: 'yes' } }] }));
    const replies = await loadReplies(file);
    let answered = 0;
    for (const message of messages) {
      const result = await replies(contextOf(message));
      const fitted = fitReplies(result, { onOverflow: 'refuse', notice: '' });
      expect(fitted.kind).toBe('fits');
      if (fitted.kind === 'fits' && fitted.replies.length > 0) answered += 1;
    }
    expect(answered).toBeGreaterThan(0);
  });
});

test('every kind of reply is shown', async () => {
  const all = modules.filter(({ code }) => code.includes('miniProgram('));
  expect(all).toHaveLength(2);
  for (const { file } of all) {
    const replies = await loadReplies(file);
    const kinds = new Set<string>();
    for (const message of messages) {
      const fitted = fitReplies(await replies(contextOf(message)), { onOverflow: 'refuse', notice: '' });
      if (fitted.kind === 'fits') for (const { type } of fitted.replies) kinds.add(type);
    }
    expect([...kinds].sort()).toEqual(
      [
        ...[
          'image',
          'miniprogrampage',
          'mpnews',
          'mpnewsarticle',
          'msgmenu',
          'music',
          'news',
          'text',
          'video',
        ],
        ...['voice', 'wxcard'],
      ].sort(),
    );
  }
});
