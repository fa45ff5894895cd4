import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ReplyContext } from '../../src/replies/router.js';
import { sample } from '../support/files.js';
import { setStage, settled } from '../support/stage.js';

type Fetch = (context: ReplyContext, mediaId: string) => Promise<string>;

/** Answers with what the reply logic made of the media. */
async function stageWith(fetch: Fetch, settings: Record<string, string> = {}) {
  const stage = await setStage();
  await stage.start({
    replies: (context) =>
      'mediaId' in context.message ? fetch(context, context.message.mediaId) : undefined,
    settings,
  });
  return stage;
}

const describeMedia: Fetch = async ({ wechat }, mediaId) => {
  try {
    const { contentType, filename, length, stream } = await wechat.media(mediaId, { maxBytes: 1_000 });
    const content = Buffer.concat(await stream.toArray());
    return `${contentType} ${filename ? 'named' : 'unnamed'} ${length} ${content.length}`;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
};

async function answer(stage: Awaited<ReturnType<typeof stageWith>>, type: string, mediaId: string) {
  const { openid } = stage.simulator.user(`o-${mediaId}`);
  await stage.simulator.user(openid).message(type, { MediaId: mediaId, ThumbMediaId: 'T' });
  const [message] = await stage.simulator.waitForDelivered(openid, 1);
  return message?.text;
}

describe('what a user sent', () => {
  test('can be read by the reply logic as a stream', async () => {
    const stage = await stageWith(describeMedia);
    const mediaId = stage.simulator.media.add({
      type: 'image',
      bytes: sample('png', { bytes: 300 }),
      contentType: 'image/png',
    });
    expect(await answer(stage, 'image', mediaId)).toBe('image/png named 300 300');
  });

  test('is fetched from elsewhere when it is a video', async () => {
    const stage = await stageWith(describeMedia, { MEDIA_FROM_PRIVATE_ADDRESSES: 'true' });
    const mediaId = stage.simulator.media.add({
      type: 'video',
      bytes: sample('mp4', { bytes: 300 }),
      contentType: 'video/mp4',
    });
    expect(await answer(stage, 'video', mediaId)).toBe('video/mp4 unnamed 300 300');
  });

  test('is refused when it is larger than the limit', async () => {
    const stage = await stageWith(describeMedia);
    const bytes = sample('png', { bytes: 1_001 });
    const mediaId = stage.simulator.media.add({ type: 'image', bytes, contentType: 'image/png' });
    expect(await answer(stage, 'image', mediaId)).toBe(
      `MediaError: Media ${mediaId}: it is larger than 1000 bytes`,
    );
  });

  test('is broken off where it turns out larger than the limit on the way', async () => {
    const server = createServer((_request, response) => {
      // Without a length, in pieces.
      response.write(sample('mp4', { bytes: 900 }));
      response.end(sample('mp4', { bytes: 900 }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const stage = await stageWith(describeMedia, { MEDIA_FROM_PRIVATE_ADDRESSES: 'true' });
    stage.simulator.faults.add({
      path: '/cgi-bin/media/get',
      fault: { malformed: JSON.stringify({ video_url: `http://127.0.0.1:${port}/` }) },
    });
    expect(await answer(stage, 'video', 'M_1')).toBe('MediaError: Media M_1: it is larger than 1000 bytes');
  });

  test('may be left unread', async () => {
    const stage = await stageWith(async ({ wechat }, mediaId) => {
      await wechat.media(mediaId);
      return 'unread';
    });
    const bytes = sample('png', { bytes: 3_000_000 });
    const mediaId = stage.simulator.media.add({ type: 'image', bytes, contentType: 'image/png' });
    expect(await answer(stage, 'image', mediaId)).toBe('unread');
  });

  test('that WeChat no longer has is an error with its code', async () => {
    const stage = await stageWith(describeMedia);
    expect(await answer(stage, 'voice', 'M_forgotten')).toContain('MediaError: Media M_forgotten: 40007');
  });

  test('is had with another token when the first has ended', async () => {
    const stage = await stageWith(describeMedia);
    const { account, simulator, database } = stage;
    const mediaId = simulator.media.add({ type: 'image', bytes: sample('png'), contentType: 'image/png' });
    await answer(stage, 'image', 'M_forgotten');
    await settled(database, 1);
    simulator.tokens.expire(account.appId);
    expect(await answer(stage, 'image', mediaId)).toBe('image/png named 200 200');
  });
});
