import { describe, expect, test } from 'vitest';
import * as replies from '../../src/wechat/out/reply.js';
import { needsFilm, uploadOf } from './media.js';
import { type Scene, skipWhereNobodyWrote, targets } from './targets.js';

async function mediaId(
  { client, token }: Scene,
  type: 'image' | 'voice' | 'video' | 'thumb',
): Promise<string> {
  const uploaded = await client.uploadMedia(token, uploadOf(type));
  if (uploaded.kind !== 'uploaded') throw new Error(uploaded.errmsg);
  return uploaded.mediaId;
}

interface Kind {
  kind: string;
  make(scene: Scene): Promise<replies.Reply> | replies.Reply;
  /** It names what a sandbox account does not have: WeChat refuses the message, and not the account. */
  isForeign?: boolean;
}

const kinds: readonly Kind[] = [
  {
    kind: 'text',
    make: () => replies.text('你好 😀 <a href="https://www.example.com">链接</a>\n"quotes" \\ & ]]>'),
  },
  {
    kind: 'news',
    make: () =>
      replies.news({
        title: '标题',
        description: '描述',
        url: 'https://www.example.com',
        picUrl: 'https://www.example.com/a.png',
      }),
  },
  {
    kind: 'msgmenu',
    make: () =>
      replies.menu({
        head: '满意吗?',
        entries: [
          { id: '101', content: '满意' },
          { id: '102', content: '不满意' },
        ],
      }),
  },
  { kind: 'image', make: async (scene) => replies.image(await mediaId(scene, 'image')) },
  { kind: 'voice', make: async (scene) => replies.voice(await mediaId(scene, 'voice')) },
  {
    kind: 'video',
    make: async (scene) =>
      replies.video({
        media: await mediaId(scene, 'video'),
        thumb: await mediaId(scene, 'thumb'),
        title: '片',
      }),
  },
  {
    kind: 'music',
    make: async (scene) =>
      replies.music({
        musicUrl: 'https://www.example.com/a.mp3',
        thumb: await mediaId(scene, 'thumb'),
        title: '曲',
      }),
  },
  { kind: 'mpnewsarticle', make: () => replies.mpNewsArticle('ARTICLE_ID'), isForeign: true },
  { kind: 'wxcard', make: () => replies.card('pFS7Fjg8kV1IdDz01r4SQwMkuCKc'), isForeign: true },
  {
    kind: 'miniprogrampage',
    make: async (scene) =>
      replies.miniProgram({
        ...{ title: '小程序', appId: 'wx0123456789abcdef', pagePath: 'pages/index' },
        thumb: await mediaId(scene, 'thumb'),
      }),
    isForeign: true,
  },
];

describe.each(targets)('the $name', (target) => {
  test.for(kinds)('takes a message of the kind $kind', async ({ kind, make, isForeign = false }, context) => {
    if (target.name === 'sandbox' && kind === 'video' && needsFilm('video')) return context.skip('no film');
    const scene = await target.setUp();
    const payload = replies.toWire(await make(scene));
    const outcome = await scene.client.sendMessage(scene.token, scene.openid, payload);
    skipWhereNobodyWrote(target, outcome, context);
    if (target.name === 'sandbox' && isForeign)
      expect(outcome).toMatchObject({ kind: 'refused', errmsg: expect.any(String) });
    else expect(outcome).toMatchObject({ kind: 'sent', httpStatus: 200 });
  });

  test('shows that it is typing, or says why not, in codes that hurt no reply', async () => {
    const { client, token, openid } = await target.setUp();
    expect([0, 45080, 45081]).toContain(await client.setTyping(token, openid, 'Typing'));
    expect([0, 45080, 45081]).toContain(await client.setTyping(token, openid, 'CancelTyping'));
  });
});

type Refused = [name: string, other: Partial<Scene>, payload: replies.WirePayload, errorClass: RegExp];

describe.each(targets)('the $name refuses', (target) => {
  const hello = replies.toWire(replies.text('hello'));
  test.for<Refused>([
    ['a token that is none', { token: 'none' }, hello, /^token$/],
    ['a user whom nobody knows', { openid: 'nobody' }, hello, /^(user|window)$/],
    ['a text that is too long', {}, replies.toWire(replies.text('好'.repeat(2_000))), /^permanent$/],
    ['an empty text', {}, replies.toWire(replies.text('')), /^permanent$/],
    ['two articles', {}, replies.toWire(replies.news({ title: 'a' }, { title: 'b' })), /^permanent$/],
    ['a media_id of nobody', {}, replies.toWire(replies.image('no media_id at all')), /^(media|permanent)$/],
    ['a kind that there is not', {}, { msgtype: 'song', song: {} }, /^permanent$/],
  ])('%s, by a code of the right class', async ([_name, other, payload, errorClass], context) => {
    const { client, token, openid } = { ...(await target.setUp()), ...other };
    const outcome = await client.sendMessage(token, openid, payload);
    // WeChat may look at the window first.
    if (!('openid' in other)) skipWhereNobodyWrote(target, outcome, context);
    expect(outcome).toMatchObject({
      kind: 'refused',
      httpStatus: 200,
      errorClass: expect.stringMatching(errorClass),
    });
  });
});
