import { describe, expect, test } from 'vitest';
import { deleteOld } from '../../../src/outbox/retention.js';
import { type SampleType, sample, voice } from '../../support/files.js';
import { setStage, settled } from '../../support/stage.js';
import { mount } from './support.js';

const contentTypes = { png: 'image/png', jpg: 'image/jpeg', amr: 'audio/amr', mp4: 'video/mp4' } as const;

async function stageWith(overrides: Parameters<typeof mount>[0]['overrides'] = {}) {
  const stage = await setStage();
  await stage.start({ replies: () => undefined });
  const api = await mount({ ...stage, overrides });
  let messages = 0;
  /** A user sends a file; what the page then knows of it. */
  async function receive(
    type: 'image' | 'voice' | 'video',
    format: SampleType,
    bytes: Buffer,
    openid = 'o1',
  ) {
    const mediaId = stage.simulator.media.add({ type, bytes, contentType: contentTypes[format] });
    const user = stage.simulator.user(openid);
    if (type === 'voice') await user.voice({ mediaId, format: 'amr', recognition: '你好' });
    else await user[type]({ mediaId });
    messages += 1;
    await settled(stage.database, messages);
    const { turns } = await api.get(`conversations/${stage.account.appId}/${openid}`);
    return { mediaId, turn: turns.at(-1) };
  }
  const fetches = () => stage.simulator.calls.filter(({ path }) => path === '/cgi-bin/media/get').length;
  return { ...stage, api, receive, fetches };
}

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

describe('a file that a user sent', () => {
  test('is fetched from WeChat once, kept, and served so that nothing of it runs', async () => {
    const { api, receive, fetches, simulator } = await stageWith();
    const content = sample('png', { bytes: 5_000 });
    const { turn, mediaId } = await receive('image', 'png', content);
    expect(turn).toMatchObject({
      media: { kind: 'image', path: `media/m${turn.messageId}` },
    });
    const together = await Promise.all([1, 2, 3].map(() => api.fetch(turn.media.path)));
    for (const response of together) expect((await bytesOf(response)).equals(content)).toBe(true);
    expect(fetches()).toBe(1);
    simulator.media.expire(mediaId);
    const response = await api.fetch(turn.media.path);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': '5000',
      'x-content-type-options': 'nosniff',
      'content-disposition': `inline; filename="m${turn.messageId}.png"`,
      'content-security-policy': `default-src 'none'; sandbox`,
      'accept-ranges': 'bytes',
    });
    await response.arrayBuffer();
    const etag = response.headers.get('etag') ?? '';
    // Without a mode, fetch asks for no copy at all where this header is set.
    const asking = { cache: 'force-cache', headers: { 'if-none-match': etag } } as RequestInit;
    expect((await api.fetch(turn.media.path, asking)).status).toBe(304);
    const head = await api.fetch(turn.media.path, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5000']);
  });

  test('is served in ranges, as players ask for it', async () => {
    const { api, receive } = await stageWith();
    const content = Buffer.concat([
      sample('mp4', { bytes: 100 }),
      Buffer.from(Array.from({ length: 1_200_000 }, (_, n) => n % 251)),
    ]);
    const { turn } = await receive('video', 'mp4', content);
    expect(turn.media.kind).toBe('video');
    const range = (value: string, more: Record<string, string> = {}) =>
      api.fetch(turn.media.path, { headers: { range: value, ...more } });
    const first = await range('bytes=0-99');
    expect([first.status, first.headers.get('content-range')]).toEqual([206, `bytes 0-99/${content.length}`]);
    expect((await bytesOf(first)).equals(content.subarray(0, 100))).toBe(true);
    const long = await range('bytes=100-');
    expect((await bytesOf(long)).equals(content.subarray(100))).toBe(true);
    const tail = await range('bytes=-7');
    expect((await bytesOf(tail)).equals(content.subarray(-7))).toBe(true);
    const beyond = await range('bytes=99999999-');
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${content.length}`]);
    for (const other of ['bytes=5-1', 'bytes=0-1,5-6', 'lines=1-2']) {
      const whole = await range(other);
      expect(whole.status, other).toBe(200);
      expect((await bytesOf(whole)).length).toBe(content.length);
    }
    const stale = await range('bytes=0-1', { 'if-range': '"another"' });
    expect(stale.status).toBe(200);
    await stale.arrayBuffer();
  });

  test('of a voice is played: it comes as AMR, and is kept as WAV', async () => {
    const { api, receive, fetches } = await stageWith();
    const { turn } = await receive('voice', 'amr', voice(2));
    expect(turn).toMatchObject({ text: '你好', media: { kind: 'voice' } });
    const response = await api.fetch(turn.media.path);
    expect(response.headers.get('content-type')).toBe('audio/wav');
    expect(response.headers.get('content-disposition')).toBe(`inline; filename="m${turn.messageId}.wav"`);
    const wav = await bytesOf(response);
    expect([wav.toString('latin1', 0, 4), wav.toString('latin1', 8, 16)]).toEqual(['RIFF', 'WAVEfmt ']);
    expect(wav.length).toBe(44 + 2 * 8_000 * 2);
    expect(wav.readUInt32LE(4)).toBe(wav.length - 8);
    expect(wav.readUInt32LE(40)).toBe(wav.length - 44);
    expect(new Set(wav.subarray(44)).size).toBeGreaterThan(50);
    const range = await api.fetch(turn.media.path, { headers: { range: 'bytes=0-3' } });
    expect((await bytesOf(range)).toString()).toBe('RIFF');
    expect(fetches()).toBe(1);
  });

  test.each([
    ['only begins like one', sample('amr', { bytes: 6 })],
    ['would be hours long', sample('amr', { bytes: 6 + 9_001 }).fill(0x7c, 6)],
    ['is of wide band', Buffer.concat([Buffer.from('#!AMR-WB\n'), Buffer.alloc(300, 0x44)])],
  ])('of a voice that %s is offered to be saved', async (_, content) => {
    const { api, receive } = await stageWith();
    const { turn } = await receive('voice', 'amr', content);
    const response = await api.fetch(turn.media.path);
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="m${turn.messageId}.amr"`);
    await response.arrayBuffer();
  });

  test('goes by its bytes: a page in the guise of a picture is not served', async () => {
    const { api, receive, database } = await stageWith();
    const { turn } = await receive('image', 'png', Buffer.from('<html><script>alert(1)</script></html>'));
    expect(await api.ask('GET', turn.media.path)).toMatchObject({
      status: 415,
      body: { error: 'media_type' },
    });
    expect(await database.rows('select from wechat.inbound_media')).toEqual([]);
  });

  test('that WeChat no longer keeps is gone, and said to be', async () => {
    const { api, receive, simulator, database } = await stageWith();
    const { turn, mediaId } = await receive('image', 'png', sample('png'));
    simulator.media.expire(mediaId);
    expect(await api.ask('GET', turn.media.path)).toMatchObject({
      status: 410,
      body: { error: 'media_gone' },
    });
    await database.pool.query(
      `update wechat.inbound_message set received_at = now() - interval '3 days 1 minute'`,
    );
    const { turns } = await api.get(
      `conversations/${(await database.rows<{ app_id: string }>('select app_id from wechat.inbound_message'))[0]?.app_id}/o1`,
    );
    expect(turns.at(-1)).toMatchObject({ type: 'image', media: null });
    expect((await api.ask('GET', turn.media.path)).status).toBe(410);
  });

  test('that cannot be fetched just now is answered with why', async () => {
    const { api, receive, simulator } = await stageWith();
    const { turn } = await receive('image', 'png', sample('png'));
    simulator.faults.add({ path: '/cgi-bin/media/get', fault: { errcode: 45009 } });
    expect(await api.ask('GET', turn.media.path)).toMatchObject({
      status: 502,
      body: { error: 'media_failed' },
    });
    const response = await api.fetch(turn.media.path);
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  });

  test('is none where there is no such message, or it has no file', async () => {
    const { api, simulator, database, account } = await stageWith();
    await simulator.user('o1').say('hello');
    await settled(database, 1);
    const { turns } = await api.get(`conversations/${account.appId}/o1`);
    for (const path of [
      `media/m${turns[0].messageId}`,
      'media/m999999',
      'media/d999999',
      'media/x',
      'media/..%2Fm1',
    ])
      expect((await api.ask('GET', path)).status, path).toBe(404);
  });

  test('goes when the user is forgotten, and with its message', async () => {
    const { api, receive, database, account } = await stageWith();
    const first = await receive('image', 'png', sample('png'), 'o1');
    const second = await receive('image', 'png', sample('png'), 'o2');
    for (const { turn } of [first, second]) await (await api.fetch(turn.media.path)).arrayBuffer();
    const kept = () =>
      database.rows<{ message_id: string }>('select message_id from wechat.inbound_media order by 1');
    expect(await kept()).toHaveLength(2);
    await database.rows('select * from wechat.forget($1, $2)', [account.appId, 'o1']);
    expect(await kept()).toEqual([{ message_id: second.turn.messageId }]);
    expect((await api.ask('GET', first.turn.media.path)).status).toBe(404);
    await database.pool.query(
      `update wechat.inbound_message set received_at = now() - interval '9 days', settled_at = now() - interval '9 days',
         window_ends_at = null`,
    );
    await deleteOld(database.pool, { afterId: '0', limit: 100, days: 5 });
    expect(await kept()).toEqual([]);
  });

  test('makes room for newer ones where all together are too large', async () => {
    const { api, receive, database } = await stageWith({ mediaTotalBytes: 2_500 });
    for (const openid of ['o1', 'o2', 'o3']) {
      const { turn } = await receive('image', 'png', sample('png', { bytes: 1_000, mark: openid }), openid);
      expect((await bytesOf(await api.fetch(turn.media.path))).length).toBe(1_000);
    }
    const [row] = await database.rows<{ files: number; bytes: number }>(
      'select count(*)::int as files, sum(bytes)::int as bytes from wechat.inbound_media',
    );
    expect(row).toEqual({ files: 2, bytes: 2_000 });
  });
});
