import { describe, expect, test } from 'vitest';
import { createDefaultReplies } from '../../src/replies/default-replies.js';
import { createRouter } from '../../src/replies/router.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';
import { eventMessage, textMessage } from '../support/messages.js';
import { replyContext } from '../support/reply-context.js';

const common = { openid: 'o1', toUserName: 'gh_1', createTime: 1_700_000_000, fields: {} };

const scanned = eventMessage('scancode_waitmsg', {
  fields: { ScanCodeInfo: { ScanType: 'qrcode', ScanResult: 'https://www.example.com' } },
});

describe('the router', () => {
  const router = createRouter()
    .subscribe(() => 'welcome')
    .click('HELP', () => 'help')
    .text('tw', () => 'card')
    .text(/^order (\d+)$/g, async (_context, match) => `order ${match?.[1]}`)
    .message('voice', ({ message }) => message.format)
    // These share a type with another kind and another event.
    .message('shortvideo', ({ message }) => message.thumbMediaId)
    .event('scancode_waitmsg', ({ message }) => message.scanResult)
    .text(({ message }) => message.content.toUpperCase())
    .otherwise(() => 'other');
  const answer = (message: InboundMessage) => router.answer(replyContext(message));

  test.each<[string, InboundMessage, string]>([
    ['a new follower', eventMessage('subscribe'), 'welcome'],
    ['a menu click by its key', eventMessage('CLICK', { eventKey: 'HELP' }), 'help'],
    ['another menu click', eventMessage('CLICK', { eventKey: 'X' }), 'other'],
    ['an exact text', textMessage({ content: ' tw\n' }), 'card'],
    ['a text that matches', textMessage({ content: 'order 66' }), 'order 66'],
    ['any other text', textMessage({ content: 'abc' }), 'ABC'],
    ['a scanned code', scanned, 'https://www.example.com'],
    ['a short video', { ...common, kind: 'shortvideo', mediaId: 'm1', thumbMediaId: 't1' }, 't1'],
    ['anything else', eventMessage('VIEW'), 'other'],
  ])('answers %s', async (_name, message, expected) => {
    expect(await answer(message)).toBe(expected);
  });

  test('matches a global expression the same way each time', async () => {
    for (let time = 0; time < 3; time += 1)
      expect(await answer(textMessage({ content: 'order 1' }))).toBe('order 1');
  });

  test('asks the first rule that applies, and leaves the router it extends as it was', async () => {
    const base = createRouter().text(() => 'base');
    const extended = base.otherwise(() => 'extended');
    expect(await extended.answer(replyContext(textMessage()))).toBe('base');
    expect(await base.answer(replyContext(eventMessage('view')))).toBeUndefined();
  });
});

describe('the default replies', () => {
  const replies = createDefaultReplies({ publicUrl: 'https://example.com', accountName: '晨光' });
  const card = {
    type: 'news',
    articles: [
      { title: '欢迎关注“晨光”', picUrl: 'https://example.com/weixin/msg/face1.png' },
      { title: '“晨光”安卓版下载', picUrl: 'https://example.com/weixin/msg/jiantou.png' },
      { title: '“晨光”苹果版下载', picUrl: 'https://example.com/weixin/msg/jiantou.png' },
    ],
  };

  test('are the welcome card with both downloads to a new follower and to tw', async () => {
    expect(await replies(replyContext(eventMessage('subscribe')))).toMatchObject(card);
    expect(await replies(replyContext(textMessage({ content: 'tw' })))).toMatchObject(card);
  });

  test('are the welcome text with two links to any other text', async () => {
    const reply = await replies(replyContext(textMessage({ content: 'hello' })));
    expect(reply).toMatchObject({ type: 'text', content: expect.stringContaining('欢迎关注“晨光”') });
    expect(JSON.stringify(reply).match(/<a href=/g)).toHaveLength(2);
  });

  test('are nothing to everything else', async () => {
    expect(await replies(replyContext(eventMessage('CLICK')))).toBeUndefined();
  });
});
