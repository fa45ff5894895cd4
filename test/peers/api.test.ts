import WechatApi from 'co-wechat-api';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../src/simulator/index.js';
import { createClient } from '../../src/wechat/out/client.js';
import {
  card,
  image,
  miniProgram,
  mpNews,
  music,
  news,
  type Reply,
  text,
  toWire,
  video,
  voice,
} from '../../src/wechat/out/reply.js';

/** The same messages by co-wechat-api and by us, to one simulator: it must take both, and find them alike. */

const account = { appId: 'wx1', appSecret: 'secret', token: 'token' };

async function stage() {
  const simulator = await startSimulator({ account, webhookUrl: 'http://127.0.0.1:1/' });
  const client = createClient({ apiBase: simulator.apiBase });
  onTestFinished(async () => {
    await client.destroy();
    await simulator.close();
  });
  const peer = new WechatApi(account.appId, account.appSecret);
  peer.prefix = `${simulator.apiBase}/cgi-bin/`;
  return { simulator, client, peer };
}

const song = {
  title: 'T',
  description: 'D',
  musicurl: 'https://x/a.mp3',
  hqmusicurl: 'https://x/b.mp3',
  thumb_media_id: 'M_t',
};
const messages: readonly [
  kind: string,
  send: (api: WechatApi, openid: string) => Promise<unknown>,
  reply: Reply,
][] = [
  [
    'text',
    (api, openid) => api.sendText(openid, '你好 "😀"\n<a href="https://x">x</a>'),
    text('你好 "😀"\n<a href="https://x">x</a>'),
  ],
  ['image', (api, openid) => api.sendImage(openid, 'M_1'), image('M_1')],
  ['voice', (api, openid) => api.sendVoice(openid, 'M_1'), voice('M_1')],
  [
    'music',
    (api, openid) => api.sendMusic(openid, song),
    music({
      title: 'T',
      description: 'D',
      musicUrl: song.musicurl,
      hqMusicUrl: song.hqmusicurl,
      thumb: 'M_t',
    }),
  ],
  [
    'news',
    (api, openid) =>
      api.sendNews(openid, [{ title: 'T', description: 'D', url: 'https://x', picurl: 'https://x/p' }]),
    news({ title: 'T', description: 'D', url: 'https://x', picUrl: 'https://x/p' }),
  ],
  ['mpnews', (api, openid) => api.sendMpNews(openid, 'M_1'), mpNews('M_1')],
  ['wxcard', (api, openid) => api.sendCard(openid, 'C_1'), card('C_1')],
  [
    'miniprogrampage',
    (api, openid) =>
      api.sendMiniProgram(openid, { title: 'T', appid: 'wx2', pagepath: 'index', thumb_media_id: 'M_t' }),
    miniProgram({ title: 'T', appId: 'wx2', pagePath: 'index', thumb: 'M_t' }),
  ],
];

test.each(messages)('%s is the same message from both', async (_kind, send, reply) => {
  const { simulator, client, peer } = await stage();
  // Whoever acts may be written to; that nobody hears of it is nothing here.
  await simulator.user('oPeer').say('hi');
  await simulator.user('oOurs').say('hi');
  expect(await send(peer, 'oPeer')).toMatchObject({ errcode: 0, errmsg: 'ok' });
  const { value } = await client.fetchToken(
    { ...account, accessTokenMode: 'stable' },
    { forceRefresh: false },
  );
  expect(await client.sendMessage(value, 'oOurs', toWire(reply))).toMatchObject({ kind: 'sent' });
  const [byPeer] = simulator.inboxOf('oPeer');
  const [byUs] = simulator.inboxOf('oOurs');
  expect(byPeer).toBeDefined();
  expect({ msgtype: byUs?.msgtype, body: byUs?.body }).toEqual({
    msgtype: byPeer?.msgtype,
    body: byPeer?.body,
  });
});

test('a video is one from both; the protocol has a title and a description, which co-wechat-api leaves out', async () => {
  const { simulator, client, peer } = await stage();
  await simulator.user('oA').say('hi');
  await peer.sendVideo('oA', 'M_1', 'M_t');
  const { value } = await client.fetchToken(
    { ...account, accessTokenMode: 'stable' },
    { forceRefresh: false },
  );
  await client.sendMessage(value, 'oA', toWire(video({ media: 'M_1', thumb: 'M_t' })));
  const [byPeer, byUs] = simulator.inboxOf('oA').map(({ body }) => body.video);
  expect(byPeer).toEqual({ media_id: 'M_1', thumb_media_id: 'M_t' });
  expect(byUs).toEqual({ media_id: 'M_1', thumb_media_id: 'M_t', title: '', description: '' });
});

test('a refusal is one to both', async () => {
  const { simulator, client, peer } = await stage();
  await simulator.user('oA').say('hi');
  simulator.faults.add({ times: 2, fault: { errcode: 45015 } });
  await expect(peer.sendText('oA', 'late')).rejects.toMatchObject({ code: 45015 });
  const { value } = await client.fetchToken(
    { ...account, accessTokenMode: 'stable' },
    { forceRefresh: false },
  );
  expect(await client.sendMessage(value, 'oA', toWire(text('late')))).toMatchObject({
    kind: 'refused',
    errcode: 45015,
  });
});

test('an upload is the same file from both', async () => {
  const { simulator, client, peer } = await stage();
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  );
  expect(await peer.uploadMedia(png, 'image', 'dot.png', 'image/png')).toMatchObject({ type: 'image' });
  const { value } = await client.fetchToken(
    { ...account, accessTokenMode: 'stable' },
    { forceRefresh: false },
  );
  const upload = { type: 'image' as const, filename: 'dot.png', contentType: 'image/png', content: png };
  expect(await client.uploadMedia(value, upload)).toMatchObject({ kind: 'uploaded' });
  const [byPeer, byUs] = simulator.media.uploads;
  expect(byUs).toMatchObject({ type: byPeer?.type, filename: byPeer?.filename, bytes: byPeer?.bytes });
});
