import { expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';
import { sample } from '../support/files.js';
import { call, get, otherAccount, send, sendAs, simulate, simulateAcknowledged, tokenOf } from './support.js';

const uploadPath = '/cgi-bin/media/upload';

async function upload(
  simulator: Simulator,
  type: string,
  body: FormData | string,
): Promise<Record<string, unknown>> {
  const url = `${simulator.apiBase}${uploadPath}?access_token=${await tokenOf(simulator)}&type=${type}`;
  return (await (await fetch(url, { method: 'POST', body })).json()) as Record<string, unknown>;
}

function formOf(content: Buffer, filename: string, field = 'media'): FormData {
  const form = new FormData();
  form.set(field, new Blob([new Uint8Array(content)]), filename);
  return form;
}

test('an upload is on record with its name and bytes, and its call without them', async () => {
  const simulator = await simulate({ clock: () => 1_700_000_000_999 });
  const answer = await upload(simulator, 'image', formOf(sample('png'), '照片.png'));
  expect(answer).toEqual({ type: 'image', media_id: expect.any(String), created_at: 1_700_000_000 });
  const [uploaded] = simulator.media.uploads;
  expect(uploaded).toMatchObject({
    at: 1_700_000_000_999,
    appId: 'wx1',
    type: 'image',
    mediaId: answer.media_id,
    filename: '照片.png',
  });
  expect(uploaded?.bytes.equals(sample('png'))).toBe(true);
  expect(simulator.calls.find(({ path }) => path === uploadPath)).toMatchObject({
    appId: 'wx1',
    body: expect.stringMatching(/^\[multipart \d+ bytes\]$/),
    errcode: 0,
  });
});

test.each([
  ['a body that is no form', () => 'nonsense'],
  ['a field of another name', () => formOf(sample('png'), 'a.png', 'file')],
  [
    'a field without a filename',
    () => {
      const form = new FormData();
      form.set('media', sample('png').toString('latin1'));
      return form;
    },
  ],
])('an upload of %s holds no file', async (_name, body) => {
  const simulator = await simulate();
  expect(await upload(simulator, 'image', body())).toMatchObject({ errcode: 41005 });
  expect(simulator.media.uploads).toEqual([]);
});

test('an upload needs a token and is posted; a download is got, and names a medium', async () => {
  const simulator = await simulate();
  expect(await call(simulator, `${uploadPath}?type=image`, {})).toMatchObject({ errcode: 41001 });
  expect(await get(simulator, uploadPath)).toMatchObject({ errcode: 43002 });
  const path = `/cgi-bin/media/get?access_token=${await tokenOf(simulator)}`;
  expect(await call(simulator, path, {})).toMatchObject({ errcode: 43001 });
  expect(await get(simulator, path)).toMatchObject({ errcode: 41006 });
});

test('a download has a filename, made of ASCII', async () => {
  const simulator = await simulate({ moreAccounts: [otherAccount] });
  const contentType = 'audio/amr';
  const named = simulator.media.add({
    type: 'voice',
    bytes: sample('amr'),
    contentType,
    filename: '"语音.amr',
  });
  const unnamed = simulator.media.add({ type: 'voice', bytes: sample('amr'), contentType });
  const nameOf = async (mediaId: string) => {
    const path = `/cgi-bin/media/get?access_token=${await tokenOf(simulator)}&media_id=${mediaId}`;
    return (await fetch(simulator.apiBase + path)).headers.get('content-disposition');
  };
  expect(await nameOf(named)).toBe('attachment; filename="___.amr"');
  expect(await nameOf(unnamed)).toBe(`attachment; filename="${unnamed}.amr"`);
  const foreign = `/cgi-bin/media/get?access_token=${await tokenOf(simulator, otherAccount)}&media_id=${named}`;
  expect(await get(simulator, foreign)).toMatchObject({ errcode: 40007 });
});

test('the link to a video dies with it', async () => {
  const simulator = await simulate();
  const film = simulator.media.add({ type: 'video', bytes: sample('mp4'), contentType: 'video/mp4' });
  const path = `/cgi-bin/media/get?access_token=${await tokenOf(simulator)}&media_id=${film}`;
  const { video_url: url } = await get(simulator, path);
  simulator.media.expire(film);
  expect((await fetch(String(url))).status).toBe(404);
  expect(() => simulator.media.expire('never issued')).toThrow('never issued');
});

test.each([
  ['image', 'media_id', {}],
  ['voice', 'media_id', {}],
  ['mpnews', 'media_id', {}],
  ['video', 'media_id', { thumb_media_id: 'permanent' }],
  ['video', 'thumb_media_id', { media_id: 'permanent' }],
  ['music', 'thumb_media_id', {}],
  ['miniprogrampage', 'thumb_media_id', { appid: 'wx9', pagepath: 'p' }],
])('a send of type %s needs a %s that still is, and is the account’s', async (msgtype, field, others) => {
  const simulator = await simulateAcknowledged({ moreAccounts: [otherAccount] });
  const mediaId = simulator.media.add({ type: 'thumb', bytes: sample('jpg'), contentType: 'image/jpeg' });
  await simulator.user('o1').say('hi');
  await simulator.user('o1', 'wx2').say('hi');
  const message = (id: string) => ({ touser: 'o1', msgtype, [msgtype]: { ...others, [field]: id } });
  expect(await sendAs(simulator, otherAccount, message(mediaId))).toBe(40007);
  expect(await send(simulator, message(mediaId))).toBe(0);
  simulator.media.expire(mediaId);
  expect(await send(simulator, message(mediaId))).toBe(40007);
  expect(await send(simulator, message('permanent'))).toBe(0);
  expect(simulator.delivered).toHaveLength(2);
});
