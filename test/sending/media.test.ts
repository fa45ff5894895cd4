import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ReplyResult } from '../../src/replies/router.js';
import { defaultRetryPolicy } from '../../src/sending/retry-policy.js';
import { image, miniProgram, music, video, voice } from '../../src/wechat/out/reply.js';
import { sample, writeSample } from '../support/files.js';
import { setStage, settled } from '../support/stage.js';

/** Serves one file and counts how often it was asked for. */
async function serveFile(content: Buffer, status = 200) {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(status).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/picture`;
  return { url, requests: () => requests };
}

const retryPolicy = { ...defaultRetryPolicy, baseMs: 10, maxFailures: 3 };

async function stageWith(replies: (text: string) => ReplyResult, settings: Record<string, string> = {}) {
  const stage = await setStage();
  const service = await stage.start({
    replies: ({ message }) => (message.kind === 'text' ? replies(message.content) : undefined),
    settings,
    retryPolicy,
  });
  return { ...stage, ...service };
}

const nearby = { MEDIA_FROM_PRIVATE_ADDRESSES: 'true' };

describe('a reply with a file', () => {
  test('is uploaded once for all users, messages and processes, and sent by its media_id', async () => {
    const content = sample('png');
    const file = await writeSample('picture.png', content);
    const { simulator, database, start } = await stageWith(() => image({ file }));
    await simulator.user('o1').say('hello');
    await simulator.waitForDelivered('o1', 1);
    await start({ role: 'worker', replies: () => image({ file }) });
    for (const openid of ['o2', 'o3', 'o4']) await simulator.user(openid).say('hello');
    await settled(database, 4);
    const [upload, ...others] = simulator.media.uploads;
    expect(others).toEqual([]);
    expect(upload).toMatchObject({ type: 'image', filename: expect.stringMatching(/\.png$/) });
    expect(upload?.bytes.equals(content)).toBe(true);
    expect(simulator.delivered.map(({ body }) => body)).toEqual(
      Array.from({ length: 4 }, () => ({ image: { media_id: upload?.mediaId } })),
    );
    expect(
      await database.rows(
        `select media_type, media_id, expires_at - uploaded_at < interval '3 days' as in_time,
                expires_at - uploaded_at > interval '2 days' as long_enough from wechat.media_upload`,
      ),
    ).toEqual([{ media_type: 'image', media_id: upload?.mediaId, in_time: true, long_enough: true }]);
  });

  test('of every type that takes one is uploaded as what it is for', async () => {
    const [picture, sound, film, thumb] = await Promise.all([
      writeSample('a.png', sample('png')),
      writeSample('a.amr', sample('amr')),
      writeSample('a.mp4', sample('mp4')),
      writeSample('a.jpg', sample('jpg')),
    ]);
    const { simulator, database } = await stageWith(() => [
      image({ file: picture }),
      voice({ file: sound }),
      video({ media: { file: film }, thumb: { file: thumb } }),
      music({ musicUrl: 'https://example.com/a.mp3', thumb: { file: thumb } }),
      miniProgram({ title: 'Shop', appId: 'wx2', pagePath: 'index', thumb: { file: picture } }),
    ]);
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    const uploads = simulator.media.uploads.map(({ type }) => type);
    expect(uploads).toEqual(['image', 'voice', 'video', 'thumb']);
    const ids = new Map(simulator.media.uploads.map(({ type, mediaId }) => [type, mediaId]));
    expect(simulator.delivered.map(({ msgtype, body }) => [msgtype, body[msgtype]])).toEqual([
      ['image', { media_id: ids.get('image') }],
      ['voice', { media_id: ids.get('voice') }],
      ['video', expect.objectContaining({ media_id: ids.get('video'), thumb_media_id: ids.get('thumb') })],
      ['music', expect.objectContaining({ thumb_media_id: ids.get('thumb') })],
      ['miniprogrampage', expect.objectContaining({ thumb_media_id: ids.get('image') })],
    ]);
  });

  test('is uploaded again, once, when WeChat has forgotten it', async () => {
    const file = await writeSample('picture.png', sample('png'));
    const { simulator, database } = await stageWith(() => image({ file }));
    await simulator.user('o1').say('hello');
    await settled(database, 1);
    simulator.media.expire(simulator.media.uploads[0]?.mediaId ?? '');
    await simulator.user('o2').say('hello');
    await settled(database, 2);
    expect(simulator.media.uploads).toHaveLength(2);
    expect(simulator.inboxOf('o2')).toHaveLength(1);
    expect(
      await database.rows(
        `select attempt, outcome, a.errcode from wechat.delivery_attempt a join wechat.delivery d on d.id = delivery_id
         where openid = 'o2' order by attempt`,
      ),
    ).toEqual([
      { attempt: 1, outcome: 'transient', errcode: 40007 },
      { attempt: 2, outcome: 'sent', errcode: 0 },
    ]);
    simulator.faults.add({ openid: 'o3', times: 2, fault: { errcode: 40007 } });
    await simulator.user('o3').say('hello');
    await settled(database, 3);
    expect(await database.rows(`select status, attempts from wechat.delivery where openid = 'o3'`)).toEqual([
      { status: 'failed', attempts: 2 },
    ]);
  });

  test('survives a token that ended before the upload, and trouble on the way', async () => {
    const file = await writeSample('picture.png', sample('png'));
    const { account, simulator, database } = await stageWith(() => image({ file }));
    await simulator.user('o1').say('hello');
    await settled(database, 1);
    await database.pool.query('delete from wechat.media_upload');
    simulator.tokens.expire(account.appId);
    simulator.faults.add({ path: '/cgi-bin/media/upload', fault: { httpStatus: 502 } });
    await simulator.user('o2').say('hello');
    await settled(database, 2);
    expect(simulator.inboxOf('o2')).toHaveLength(1);
    expect(await database.rows(`select attempts from wechat.delivery where openid = 'o2'`)).toEqual([
      { attempts: 1 },
    ]);
  });

  test.each<[string, () => Promise<ReplyResult>, string]>([
    ['is not there', async () => image({ file: '/nowhere.png' }), 'ENOENT'],
    ['is a folder', async () => image({ file: '/tmp' }), 'is not a file'],
    [
      'is of the wrong type, whatever its name says',
      async () => image({ file: await writeSample('a.png', sample('mp4')) }),
      'it is mp4, but image takes bmp, png, jpg, gif',
    ],
    [
      'is nothing known',
      async () => voice({ file: await writeSample('a.mp3', Buffer.from('hello')) }),
      'it is no known format',
    ],
    [
      'is too large',
      async () =>
        video({ media: 'M', thumb: { file: await writeSample('a.jpg', sample('jpg', { bytes: 65_537 })) } }),
      'it is larger than 65536 bytes',
    ],
  ])('fails clearly when it %s, and the next message goes on', async (_name, bad, problem) => {
    const reply = await bad();
    const { simulator, database } = await stageWith((text) => (text === 'bad' ? reply : 'good'));
    const user = simulator.user('oUser');
    await user.say('bad');
    await user.say('good');
    await settled(database, 2);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['good']);
    const [failed] = await database.rows<{ status: string; errmsg: string; attempts: number }>(
      'select status, errmsg, attempts from wechat.delivery order by id limit 1',
    );
    expect(failed).toMatchObject({ status: 'failed', attempts: 0 });
    expect(failed?.errmsg).toContain(problem);
  });

  test('that vanished after its upload is still known by nothing: the delivery says so', async () => {
    const file = await writeSample('picture.png', sample('png'));
    const { simulator, database } = await stageWith(() => image({ file }));
    await simulator.user('o1').say('hello');
    await settled(database, 1);
    await rm(file);
    await simulator.user('o2').say('hello');
    await settled(database, 2);
    expect(await database.rows(`select status from wechat.delivery where openid = 'o2'`)).toEqual([
      { status: 'failed' },
    ]);
  });
});

describe('a reply with a URL', () => {
  test('is fetched, uploaded and sent', async () => {
    const { url } = await serveFile(sample('png'));
    const { simulator, database } = await stageWith(() => image({ url }), nearby);
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.media.uploads).toHaveLength(1);
    expect(simulator.inboxOf('oUser')).toHaveLength(1);
  });

  test('is fetched again later when its server is in trouble, and given up when it has no such page', async () => {
    const busy = await serveFile(Buffer.from('busy'), 503);
    const gone = await serveFile(Buffer.from('gone'), 404);
    const { simulator, database } = await stageWith(
      (text) => image({ url: text === 'busy' ? busy.url : gone.url }),
      nearby,
    );
    await simulator.user('o1').say('gone');
    await simulator.user('o2').say('busy');
    await settled(database, 2);
    expect(gone.requests()).toBe(1);
    expect(busy.requests()).toBe(3);
    expect(
      await database.rows(
        'select openid, status, attempts, failures, errmsg from wechat.delivery order by openid',
      ),
    ).toEqual([
      { openid: 'o1', status: 'failed', attempts: 0, failures: 0, errmsg: `no media: ${gone.url}: HTTP 404` },
      {
        openid: 'o2',
        status: 'failed',
        attempts: 0,
        failures: 3,
        errmsg: `no media: ${busy.url}: HTTP 503`,
      },
    ]);
  });

  test('never leads into the inner network, unless that is allowed', async () => {
    const { url, requests } = await serveFile(sample('png'));
    const { simulator, database } = await stageWith(() => image({ url }));
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    const [delivery] = await database.rows<{ status: string; errmsg: string }>(
      'select status, errmsg from wechat.delivery',
    );
    expect(delivery?.status).toBe('failed');
    expect(delivery?.errmsg).toContain('127.0.0.1, which is no public address');
    expect(requests()).toBe(0);
  });
});
