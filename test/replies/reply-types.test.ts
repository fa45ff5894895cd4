import { describe, expect, test } from 'vitest';
import {
  byAi,
  card,
  fromAgent,
  image,
  menu,
  miniProgram,
  mpNews,
  mpNewsArticle,
  music,
  news,
  type Reply,
  text,
  video,
  voice,
} from '../../src/index.js';
import { fitReplies } from '../../src/replies/fit.js';
import { setStage, settled } from '../support/stage.js';

/** Each type of reply and the body that WeChat's reference gives for it. */
const golden: readonly [name: string, reply: Reply, body: Record<string, unknown>][] = [
  ['text', text('你好'), { text: { content: '你好' } }],
  ['image', image('M_1'), { image: { media_id: 'M_1' } }],
  ['voice', voice('M_1'), { voice: { media_id: 'M_1' } }],
  [
    'video',
    video({ media: 'M_1', thumb: 'T_1', title: 'A title' }),
    { video: { media_id: 'M_1', thumb_media_id: 'T_1', title: 'A title', description: '' } },
  ],
  [
    'music',
    music({ musicUrl: 'https://example.com/a.mp3', thumb: 'T_1', title: 'A song' }),
    {
      music: {
        title: 'A song',
        description: '',
        musicurl: 'https://example.com/a.mp3',
        hqmusicurl: 'https://example.com/a.mp3',
        thumb_media_id: 'T_1',
      },
    },
  ],
  [
    'news',
    news({ title: 'A page', url: 'https://example.com', picUrl: 'https://example.com/p.png' }),
    {
      news: {
        articles: [
          {
            title: 'A page',
            description: '',
            url: 'https://example.com',
            picurl: 'https://example.com/p.png',
          },
        ],
      },
    },
  ],
  ['mpnews', mpNews('M_1'), { mpnews: { media_id: 'M_1' } }],
  ['mpnewsarticle', mpNewsArticle('A_1'), { mpnewsarticle: { article_id: 'A_1' } }],
  [
    'msgmenu',
    menu({
      head: 'Were we of help?',
      entries: [
        { id: '1', content: 'Yes' },
        { id: '2', content: 'No' },
      ],
      tail: 'Thanks',
    }),
    {
      msgmenu: {
        head_content: 'Were we of help?',
        list: [
          { id: '1', content: 'Yes' },
          { id: '2', content: 'No' },
        ],
        tail_content: 'Thanks',
      },
    },
  ],
  ['wxcard', card('C_1'), { wxcard: { card_id: 'C_1' } }],
  [
    'miniprogrampage',
    miniProgram({ title: 'Shop', appId: 'wx2', pagePath: 'pages/index', thumb: 'T_1' }),
    { miniprogrampage: { title: 'Shop', appid: 'wx2', pagepath: 'pages/index', thumb_media_id: 'T_1' } },
  ],
  [
    'text from an agent',
    fromAgent('anna@shop', text('Hi')),
    { text: { content: 'Hi' }, customservice: { kf_account: 'anna@shop' } },
  ],
  [
    'news of a model’s',
    byAi(news({ title: 'T' })),
    {
      news: { articles: [{ title: 'T', description: '', url: '', picurl: '' }] },
      aimsgcontext: { is_ai_msg: 1 },
    },
  ],
];

test('every type of reply arrives as the reference has it', async () => {
  const { simulator, database, start } = await setStage();
  await start({
    replies: ({ message }) =>
      golden.find(([name]) => message.kind === 'text' && name === message.content)?.[1],
  });
  // A user each: the allowance is five messages.
  for (const [name] of golden) await simulator.user(`o-${name}`).say(name);
  await settled(database, golden.length);
  for (const [name, reply, body] of golden) {
    expect(
      simulator.inboxOf(`o-${name}`).map(({ msgtype, body: got }) => ({ msgtype, body: got })),
      name,
    ).toEqual([{ msgtype: reply.type, body }]);
  }
});

describe('a reply that cannot be sent is refused with the field that is wrong', () => {
  test.each<[unknown, string]>([
    [7, 'reply 1 is 7, not a reply or a string'],
    [['ok', '', 7], 'reply 3 is 7, not a reply or a string'],
    [{ type: 'hologram' }, 'reply 1 has the unknown type "hologram"'],
    [{ type: 'text', content: 4 }, 'reply 1 (text): content must be a string'],
    [{ type: 'image' }, 'reply 1 (image): media must be a media_id, { file: path } or { url: http(s) URL }'],
    [
      { type: 'image', media: { url: 'file:///etc/passwd' } },
      'reply 1 (image): media.url must be an http(s) URL',
    ],
    [{ type: 'mpnews' }, 'reply 1 (mpnews): mediaId must be a string'],
    [{ type: 'news', articles: [] }, 'reply 1 (news): articles must hold at least one'],
    [
      { type: 'news', articles: [{ title: 'a', picUrl: 'p.png' }] },
      'reply 1 (news): articles.0.picUrl must be an http(s) URL',
    ],
    [{ type: 'music', musicUrl: 'ftp://x', thumb: 'T' }, 'reply 1 (music): musicUrl must be an http(s) URL'],
    [
      { type: 'msgmenu', head: 'h', entries: [{ id: '1' }] },
      'reply 1 (msgmenu): entries.0.content must be a string',
    ],
    [fromAgent('anna', text('x')), 'reply 1 (text): kfAccount must be name@account'],
  ])('%j: %s', (result, problem) => {
    expect(() => fitReplies(result as never, { onOverflow: 'cut', notice: '' })).toThrow(problem);
  });

  test('an agent stays with every part of a long text', () => {
    const long = fromAgent('anna@shop', text('word '.repeat(1_000)));
    const fitted = fitReplies(long, { onOverflow: 'cut', notice: '' });
    if (fitted.kind !== 'fits') throw new Error('it should fit');
    expect(fitted.replies.length).toBeGreaterThan(1);
    for (const part of fitted.replies) expect(part.kfAccount).toBe('anna@shop');
  });
});
