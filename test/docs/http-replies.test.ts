import { describe, expect, test } from 'vitest';
import { requestBody } from '../../src/replies/http/body.js';
import { toMessage } from '../../src/wechat/in/message.js';
import { eventMessage, textMessage } from '../support/messages.js';
import { replyContext } from '../support/reply-context.js';
import { firstCellsOf, readPage, sectionsOf } from './pages.js';

const at = new Date('2026-01-02T03:04:05Z');

function bodyOf(message: Parameters<typeof replyContext>[0]) {
  const context = replyContext(message, { window: { endsAt: at, quota: 5 }, requestId: 'push-1' });
  const history = [{ from: 'user' as const, at, type: 'text', text: 'a', agent: undefined, messageId: '1' }];
  const callback = { url: 'https://wechat.example.com/replies/callback/x', token: 'x', expiresAt: at };
  return JSON.parse(requestBody(context, { id: 'msg_wx1_1', history, callback })) as Record<string, object>;
}

describe.each(['docs/http-replies.md', 'docs/zh-CN/http-replies.md'])('%s', (file) => {
  const page = readPage(file);

  test('shows a request with all its fields, and no other', () => {
    const json = page.blocks.find(({ language }) => language === 'json')?.code ?? '{}';
    const shown = JSON.parse(json) as Record<string, object>;
    const made = bodyOf(textMessage());
    expect(Object.keys(shown)).toEqual(Object.keys(made));
    for (const part of ['account', 'message', 'window', 'callback'] as const)
      expect(Object.keys(shown[part] ?? {}).sort()).toEqual(Object.keys(made[part] ?? {}).sort());
    const [turn] = made.history as unknown as object[];
    expect(Object.keys((shown.history as unknown as object[])[0] ?? {}).sort()).toEqual(
      Object.keys(turn ?? {}).sort(),
    );
  });

  test('names the headers', () => {
    const [, request = ''] = [...sectionsOf(page, 2)].find(([title]) => /request|请求/.test(title)) ?? [];
    expect(firstCellsOf(request)).toEqual(
      expect.arrayContaining(['webhook-id', 'webhook-timestamp', 'webhook-signature', 'traceparent']),
    );
  });
});

/** What back ends rely on. A change here breaks them: fields may only be added. */
test.each([
  ['image', { MediaId: 'm', PicUrl: 'https://p' }, { picUrl: 'https://p', mediaId: 'm' }],
  ['voice', { MediaId: 'm', Format: 'amr' }, { mediaId: 'm', format: 'amr' }],
  ['video', { MediaId: 'm', ThumbMediaId: 't' }, { mediaId: 'm', thumbMediaId: 't' }],
  [
    'location',
    { Location_X: '1.5', Location_Y: '2.5', Scale: '15', Label: 'here' },
    { latitude: '1.5', longitude: '2.5', scale: '15', label: 'here' },
  ],
  [
    'link',
    { Title: 'T', Description: 'D', Url: 'https://u' },
    { title: 'T', description: 'D', url: 'https://u' },
  ],
])('the shape of a message stays: %s', (kind, own, expected) => {
  const fields = {
    ...{ ToUserName: 'gh_1', FromUserName: 'o1', CreateTime: '1700000000', MsgType: kind, MsgId: '9' },
    ...own,
  };
  const parsed = toMessage(fields);
  if (!parsed.ok) throw new Error(parsed.reason);
  expect(bodyOf(parsed.message).message).toEqual({
    ...{ kind, openid: 'o1', toUserName: 'gh_1', createTime: 1_700_000_000, msgId: '9', ...expected, fields },
  });
});

test('the shape of an event stays', () => {
  const message = eventMessage('CLICK', { openid: 'o1', createTime: 1_700_000_000, eventKey: 'HELP' });
  const { fields: _fields, ...rest } = bodyOf(message).message as Record<string, unknown>;
  expect(rest).toEqual({
    ...{ kind: 'event', event: 'click', name: 'click', eventKey: 'HELP', key: 'HELP' },
    ...{ openid: 'o1', toUserName: 'gh_account', createTime: 1_700_000_000 },
  });
});
