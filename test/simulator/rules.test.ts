import { expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';
import { sample } from '../support/files.js';
import {
  account,
  call,
  get,
  send,
  sendPath,
  simulate,
  simulateAcknowledged,
  textTo,
  tokenOf,
} from './support.js';

const typingPath = '/cgi-bin/message/custom/typing';
const second = { appId: 'wx2', appSecret: 'secret2', token: 'token2' };

async function upload(simulator: Simulator, type: string, content: Buffer, token?: string) {
  const form = new FormData();
  form.set('media', new Blob([new Uint8Array(content)]), 'a.bin');
  const accessToken = token ?? (await tokenOf(simulator));
  const response = await fetch(
    `${simulator.apiBase}/cgi-bin/media/upload?access_token=${accessToken}&type=${type}`,
    { method: 'POST', body: form },
  );
  return (await response.json()) as Record<string, unknown>;
}

test('a user is shown typing only after an exchange, and not twice at a time', async () => {
  let now = 1_700_000_000_000;
  const simulator = await simulateAcknowledged({ clock: () => now });
  const path = `${typingPath}?access_token=${await tokenOf(simulator)}`;
  const show = async (command: string) => (await call(simulator, path, { touser: 'o1', command })).errcode;
  expect(await show('Typing')).toBe(45080);
  await simulator.user('o1').say('hi');
  expect([await show('Wave'), await show('Typing'), await show('Typing')]).toEqual([45072, 0, 45081]);
  now += 15_000;
  expect([await show('Typing'), await show('CancelTyping'), await show('Typing')]).toEqual([0, 0, 0]);
  await send(simulator, textTo('o1', 'there'));
  expect(await show('Typing')).toBe(0);
  now += 30_000;
  expect(await show('Typing')).toBe(45080);
  expect(simulator.typing.map(({ command }) => command)).toEqual([
    ...['Typing', 'Typing', 'CancelTyping', 'Typing', 'Typing'],
  ]);
});

test.each([
  ['an unknown type', 'hologram', sample('png'), 40004],
  ['no content', 'image', Buffer.alloc(0), 41005],
  ['a film for a picture', 'image', sample('mp4'), 40005],
  ['a picture that is too large', 'image', sample('png', { bytes: 10 * 1_024 * 1_024 + 1 }), 40009],
  ['a voice that is too large', 'voice', sample('amr', { bytes: 2 * 1_024 * 1_024 + 1 }), 40010],
  ['a film that is too large', 'video', sample('mp4', { bytes: 10 * 1_024 * 1_024 + 1 }), 40011],
  ['a thumbnail that is too large', 'thumb', sample('jpg', { bytes: 64 * 1_024 + 1 }), 40012],
])('an upload of %s is refused', async (_name, type, content, errcode) => {
  expect((await upload(await simulate(), type, content)).errcode).toBe(errcode);
});

test('an upload can be sent for three days, by its own account', async () => {
  let now = 1_700_000_000_000;
  const simulator = await simulateAcknowledged({ clock: () => now, moreAccounts: [second] });
  const { media_id, type } = await upload(simulator, 'image', sample('png'));
  expect(type).toBe('image');
  expect((await upload(simulator, 'thumb', sample('jpg'))).thumb_media_id).toEqual(expect.any(String));
  const picture = { touser: 'o1', msgtype: 'image', image: { media_id } };
  await simulator.user('o1').say('hi');
  await simulator.user('o1', 'wx2').say('hi');
  expect(await send(simulator, picture)).toBe(0);
  const other = await call(simulator, '/cgi-bin/stable_token', {
    grant_type: 'client_credential',
    appid: 'wx2',
    secret: 'secret2',
  });
  const foreign = await call(simulator, `${sendPath}?access_token=${other.access_token}`, picture);
  expect(foreign.errcode).toBe(40007);
  now += 3 * 24 * 3_600_000;
  await simulator.user('o1').say('still there?');
  expect(await send(simulator, picture)).toBe(40007);
});

test('what a user sent can be downloaded, a video from a link', async () => {
  const simulator = await simulate();
  const add = (type: 'image' | 'video', bytes: Buffer) =>
    simulator.media.add({ type, bytes, contentType: `${type}/x` });
  const [picture, film] = [add('image', sample('png')), add('video', sample('mp4'))];
  const path = `/cgi-bin/media/get?access_token=${await tokenOf(simulator)}&media_id=`;
  const response = await fetch(`${simulator.apiBase}${path}${picture}`);
  expect(response.headers.get('content-type')).toBe('image/x');
  expect(Buffer.from(await response.arrayBuffer()).equals(sample('png'))).toBe(true);
  const { video_url: url } = await get(simulator, path + film);
  expect(Buffer.from(await (await fetch(String(url))).arrayBuffer()).equals(sample('mp4'))).toBe(true);
  expect((await get(simulator, `${path}M_unknown`)).errcode).toBe(40007);
  simulator.media.expire(picture);
  expect((await get(simulator, path + picture)).errcode).toBe(40007);
});

test('a ticket is the same until its last five minutes', async () => {
  let now = 1_700_000_000_000;
  const simulator = await simulate({ clock: () => now });
  const ticket = async (type: string) =>
    get(simulator, `/cgi-bin/ticket/getticket?access_token=${await tokenOf(simulator)}&type=${type}`);
  const first = await ticket('jsapi');
  expect(first).toMatchObject({ errcode: 0, ticket: expect.any(String), expires_in: 7_200 });
  now += 6_800_000;
  expect((await ticket('jsapi')).ticket).toBe(first.ticket);
  now += 200_000;
  expect((await ticket('jsapi')).ticket).not.toBe(first.ticket);
  expect((await ticket('wx_card_x')).errcode).toBe(40097);
  expect(simulator.tickets.issued).toBe(2);
});

test('sends beyond a quota are refused, until the next minute or day, or until it is cleared', async () => {
  let now = Date.parse('2026-03-01T15:59:00Z');
  const simulator = await simulateAcknowledged({ clock: () => now });
  await simulator.user('o1').say('hi');
  const say = () => send(simulator, textTo('o1', 'x'));
  simulator.quotas.set({ perMinute: 1 });
  expect([await say(), await say()]).toEqual([0, 45011]);
  now += 60_000;
  expect(await say()).toBe(0);
  // It is midnight in Shanghai: two of today's, the refused one among them, are over.
  simulator.quotas.set({ perDay: 1 });
  expect(await say()).toBe(45009);
  const clear = async () =>
    (
      await call(simulator, `/cgi-bin/clear_quota?access_token=${await tokenOf(simulator)}`, {
        appid: account.appId,
      })
    ).errcode;
  expect(await clear()).toBe(0);
  expect(await say()).toBe(0);
  for (let time = 2; time <= 10; time += 1) expect(await clear()).toBe(0);
  expect(await clear()).toBe(48006);
});

test('the same openid in two accounts is two users, each with a webhook of its own', async () => {
  const simulator = await simulateAcknowledged({ moreAccounts: [second] });
  await simulator.user('o1', 'wx2').say('hi');
  expect(await send(simulator, textTo('o1', 'x'))).toBe(45015);
  simulator.setWebhookUrl('http://127.0.0.1:9/', 'wx2');
  expect((await simulator.user('o1').say('hi')).outcome).toBe('acknowledged');
  expect((await simulator.user('o1', 'wx2').say('hi')).outcome).toBe('notice');
  expect(await send(simulator, textTo('o1', 'x'))).toBe(0);
  expect(simulator.inboxOf('o1', 'wx2')).toEqual([]);
  expect(simulator.inboxOf('o1', 'wx1')).toHaveLength(1);
  expect(() => simulator.user('o1', 'wx-nobody')).toThrow();
});
