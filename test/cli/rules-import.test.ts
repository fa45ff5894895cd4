import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { parseRules } from '../../src/replies/rules/parse.js';
import type { AutoReplyInfo } from '../../src/simulator/index.js';
import { runInProcess } from '../support/command-line.js';
import { sample } from '../support/files.js';
import { testSettings } from '../support/service.js';
import { setStage } from '../support/stage.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

async function stage() {
  const { account, simulator, database } = await setStage();
  const folder = await temporaryDirectory();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const settings = {
    ...testSettings({ account, simulator, databaseUrl: database.url }),
    MEDIA_FROM_PRIVATE_ADDRESSES: 'true',
  };
  const output = path.join(folder, 'rules.yaml');
  return {
    ...{ account, simulator, folder, output },
    run: (...more: string[]) => runInProcess(['rules', 'import', '-o', output, ...more], settings),
    text: () => readFileSync(output, 'utf8'),
    file: () => parse(readFileSync(output, 'utf8')),
  };
}

const keywords = (...list: object[]): AutoReplyInfo => ({ keyword_autoreply_info: { list } });
const textReply = (content: string) => ({ type: 'text', content });
const word = (match_mode: 'contain' | 'equal', content: string) => ({ type: 'text', match_mode, content });
const article = (title: string) => ({
  ...{ title, author: '', digest: `${title}的摘要`, show_cover: 1 },
  ...{ cover_url: 'https://mmbiz.example/0', content_url: 'https://mp.example/s/1', source_url: '' },
});

test('each kind of automatic reply of the console becomes a rule', async () => {
  const { account, simulator, folder, output, run, text, file } = await stage();
  const add = (type: 'image' | 'voice' | 'video', bytes: Buffer, contentType: string) =>
    simulator.media.add({ type, bytes, contentType });
  const picture = add('image', sample('png', { bytes: 300 }), 'image/png');
  const voice = add('voice', sample('amr', { bytes: 300 }), 'audio/amr');
  const film = add('video', sample('mp4', { bytes: 300 }), 'video/mp4');
  simulator.autoReplies.set({
    ...{ is_add_friend_reply_open: 1, is_autoreply_open: 1 },
    add_friend_autoreply_info: textReply('欢迎！\n回复 {{1}} 看菜单'),
    message_default_autoreply_info: textReply('稍后回复您'),
    ...keywords(
      {
        rule_name: '退款',
        ...{ create_time: 1_423_028_166, reply_mode: 'reply_all' },
        keyword_list_info: [word('contain', '退款'), word('contain', '退货'), word('equal', '1')],
        reply_list_info: [textReply('怎么退'), { type: 'img', content: picture }],
      },
      {
        ...{ rule_name: '抽奖', reply_mode: 'random_one' },
        keyword_list_info: [word('equal', '抽奖')],
        reply_list_info: [textReply('中奖'), { type: 'voice', content: voice }],
      },
      {
        ...{ rule_name: '退款', reply_mode: 'reply_all' },
        keyword_list_info: [word('equal', '影片')],
        reply_list_info: [{ type: 'video', content: film }],
      },
      {
        ...{ rule_name: '文章', reply_mode: 'reply_all' },
        keyword_list_info: [word('equal', '文章')],
        reply_list_info: [{ type: 'news', news_info: { list: [article('一'), article('二')] } }],
      },
      {
        ...{ rule_name: '素材', reply_mode: 'reply_all' },
        keyword_list_info: [word('equal', '素材')],
        reply_list_info: [{ type: 'news', content: 'MATERIAL_ID' }],
      },
    ),
  });
  expect(await run()).toMatchObject({ code: 0, err: '', out: `7 rules in ${output}, 4 files beside it` });
  const kept = (name: string) => path.join(folder, 'rules-media', name);
  expect(file()).toEqual({
    rules: [
      { name: 'new follower', when: { event: 'subscribe' }, answer: '欢迎！\n回复 \\{{1}} 看菜单' },
      {
        name: '退款',
        when: { keyword: { equals: '1', contains: ['退款', '退货'] } },
        answer: ['怎么退', { type: 'image', media: { file: kept('1.png') } }],
      },
      {
        name: '抽奖',
        when: { keyword: { equals: '抽奖' } },
        answer: { oneOf: ['中奖', { type: 'voice', media: { file: kept('2.amr') } }] },
      },
      {
        name: '退款 (2)',
        when: { keyword: { equals: '影片' } },
        answer: { type: 'video', media: { file: kept('3.mp4') }, thumb: { file: kept('grey.jpg') } },
      },
      {
        name: '文章',
        when: { keyword: { equals: '文章' } },
        answer: {
          type: 'news',
          articles: ['一', '二'].map((title) => ({
            ...{ title, description: `${title}的摘要` },
            ...{ url: 'https://mp.example/s/1', picUrl: 'https://mmbiz.example/0' },
          })),
        },
      },
      {
        name: '素材',
        when: { keyword: { equals: '素材' } },
        answer: { type: 'mpnews', mediaId: 'MATERIAL_ID' },
      },
    ],
    default: '稍后回复您',
  });
  expect(text()).toContain(`# The automatic replies that ${account.appId} had`);
  expect(text()).toContain('  # 2 articles: WeChat takes one a message');
  expect(text()).toContain('# The console sent this to a user once in an hour at most');
  expect(parseRules(text(), output)).toMatchObject({ ok: true });
  expect(readFileSync(kept('1.png'))).toHaveLength(300);
});

test('what cannot be had is named where it would stand', async () => {
  const { simulator, folder, run, text, file } = await stage();
  simulator.autoReplies.set({
    is_autoreply_open: 0,
    ...keywords(
      {
        ...{ rule_name: 'gone', reply_mode: 'reply_all' },
        keyword_list_info: [word('equal', 'a')],
        reply_list_info: [{ type: 'img', content: 'M_forgotten' }],
      },
      {
        ...{ rule_name: 'half', reply_mode: 'reply_all' },
        keyword_list_info: [word('equal', 'b')],
        reply_list_info: [textReply('there'), { type: 'card', content: 'C' }],
      },
      {
        rule_name: 'empty',
        reply_mode: 'reply_all',
        keyword_list_info: [],
        reply_list_info: [textReply('x')],
      },
    ),
  });
  const { code, out } = await run();
  expect({ code, out }).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^1 rule in .*; 3 not to be had/),
  });
  expect(file()).toEqual({ rules: [{ name: 'half', when: { keyword: { equals: 'b' } }, answer: 'there' }] });
  expect(text()).toMatch(
    /switched off.*\n.*rules:\n {2}# The rule "gone" is missing: .*\n {2}# Missing, a picture: .*40007.*\n {2}# A reply of the type "card" is missing.*\n {2}- name: half/s,
  );
  expect(text()).toMatch(/# The rule "empty" is missing: it has no keywords\.\n$/);
  expect(existsSync(path.join(folder, 'rules-media'))).toBe(false);
});

test('buttons that the console answers are rules, too, with the keys that menu pull gives them', async () => {
  const { simulator, run, file } = await stage();
  simulator.menus.setInConsole({
    button: [
      { name: '优惠', type: 'text', value: '八折' },
      {
        name: '更多',
        sub_button: {
          list: [
            { name: '官网', type: 'view', url: 'https://shop.example.com/' },
            { name: '文章', type: 'news', value: 'M', news_info: { list: [article('一')] } },
          ],
        },
      },
    ],
  });
  await run();
  expect(file().rules).toMatchObject([
    { name: 'menu: 优惠', when: { click: 'menu_1' }, answer: '八折' },
    {
      name: 'menu: 文章',
      when: { click: 'menu_2_2' },
      answer: { type: 'news', articles: [{ title: '一' }] },
    },
  ]);
});

test('a file that is there is not touched without being told to, and says what it holds as JSON', async () => {
  const { account, simulator, output, run, text } = await stage();
  expect(await run()).toMatchObject({ code: 0, out: expect.stringContaining('no automatic replies') });
  const before = text();
  simulator.autoReplies.set({ message_default_autoreply_info: textReply('later') });
  expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining('--overwrite') });
  expect(text()).toBe(before);
  const { out } = await run('--overwrite', '--json');
  expect(JSON.parse(out)).toEqual({ account: account.appId, file: output, rules: 1, files: 0, missing: [] });
});

test('what WeChat refuses leaves no file', async () => {
  const { simulator, output, run } = await stage();
  simulator.faults.add({ path: '/cgi-bin/get_current_autoreply_info', fault: { errcode: 48001 } });
  expect(await run()).toMatchObject({ code: 1, err: expect.stringContaining('48001') });
  expect(existsSync(output)).toBe(false);
});
