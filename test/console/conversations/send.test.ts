import { describe, expect, test } from 'vitest';
import { sample } from '../../support/files.js';
import { type Stage, setStage, settled } from '../../support/stage.js';
import { waitFor } from '../../support/wait.js';
import { mount } from './support.js';

/** A user who wrote, was not answered by the logic, and is with anna. */
async function taken(openid = 'o1') {
  const stage = await setStage();
  await stage.start({ replies: () => undefined });
  await stage.simulator.user(openid).say('hello');
  await settled(stage.database, 1);
  const api = await mount(stage);
  const path = `conversations/${stage.account.appId}/${openid}`;
  await api.post(`${path}/take`, { pending: 'cancel' });
  return { ...stage, api, path, openid };
}

let lastKey = 0;
function newKey(): string {
  lastKey += 1;
  return `key-${String(lastKey).padStart(8, '0')}`;
}

const deliveries = ({ database }: Pick<Stage, 'database'>) =>
  database.rows<{ origin: string; agent: string; status: string }>(
    'select origin, agent, status from wechat.delivery order by id',
  );

function pictureForm(content: Buffer, key = newKey()): FormData {
  const form = new FormData();
  form.set('key', key);
  form.set('file', new Blob([content], { type: 'image/png' }), 'a.png');
  return form;
}

describe('what an agent writes', () => {
  test('goes through the outbox to the user, and is seen as the agent’s', async () => {
    const stage = await taken();
    const { api, path, simulator, openid } = stage;
    const sent = await api.post(`${path}/send`, { text: '你好', key: newKey() });
    expect(sent).toEqual({ kind: 'queued', deliveryId: expect.any(String) });
    const [message] = await simulator.waitForDelivered(openid, 1);
    expect(message?.text).toBe('你好');
    const turn = await waitFor('a delivery that is sent', async () => {
      const { turns } = await api.get(path);
      return turns.at(-1).state === 'sent' && turns.at(-1);
    });
    expect(turn).toMatchObject({ from: 'agent', agent: 'anna', deliveryId: sent.deliveryId, text: '你好' });
  });

  test('loses what WeChat would refuse it for: control characters that came along from elsewhere', async () => {
    const { api, path, simulator, openid } = await taken();
    await api.post(`${path}/send`, { text: 'a\u001db\r\nc\ud83d', key: newKey() });
    const [message] = await simulator.waitForDelivered(openid, 1);
    expect(message?.text).toBe('ab\nc\uFFFD');
    const nothing = { text: '\u001d', key: newKey() };
    expect(await api.post(`${path}/send`, nothing, 400)).toMatchObject({ error: 'empty' });
  });

  test('is sent once by its key, however often it is asked for, also at once', async () => {
    const stage = await taken();
    const { api, path, simulator, openid } = stage;
    const key = newKey();
    const results = await Promise.all(
      [1, 2, 3, 4, 5].map(() => api.post(`${path}/send`, { text: 'once', key })),
    );
    expect(
      new Set(results.filter(({ kind }) => kind === 'queued').map(({ deliveryId }) => deliveryId)).size,
    ).toBe(1);
    await simulator.waitForDelivered(openid, 1);
    const again = await api.post(`${path}/send`, { text: 'once', key });
    expect(again.kind).toBe('queued');
    expect(await deliveries(stage)).toHaveLength(1);
  });

  test('in quick succession keeps its order', async () => {
    const { api, path, simulator, openid } = await taken();
    for (const text of ['one', 'two', 'three'])
      expect(await api.post(`${path}/send`, { text, key: newKey() })).toMatchObject({ kind: 'queued' });
    const sent = await simulator.waitForDelivered(openid, 3);
    expect(sent.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  });

  test('is refused of who does not hold the conversation', async () => {
    const stage = await taken();
    const { api, path } = stage;
    const ben = api.as('ben');
    const expected = { kind: 'not_yours', agent: 'anna' };
    expect(await ben.post(`${path}/send`, { text: 'me', key: newKey() })).toEqual(expected);
    expect(await ben.post(`${path}/send`, pictureForm(sample('png')))).toEqual(expected);
    await api.post(`${path}/return`);
    expect(await api.post(`${path}/send`, { text: 'me', key: newKey() })).toEqual({
      kind: 'not_yours',
      agent: null,
    });
    expect(await deliveries(stage)).toEqual([]);
    expect(stage.simulator.media.uploads).toEqual([]);
  });

  test('waits for no window that is closed, and for no allowance that is used', async () => {
    const { api, path, database } = await taken();
    await database.pool.query('update wechat.inbound_message set window_quota = 1');
    expect(await api.post(`${path}/send`, { text: 'one', key: newKey() })).toMatchObject({ kind: 'queued' });
    expect(await api.post(`${path}/send`, { text: 'two', key: newKey() })).toEqual({
      kind: 'allowance_used',
    });
    await database.pool.query(
      `update wechat.inbound_message set window_ends_at = now() - interval '1 second'`,
    );
    expect(await api.post(`${path}/send`, { text: 'three', key: newKey() })).toEqual({
      kind: 'window_closed',
    });
  });

  test('is refused where it is no message', async () => {
    const { api, path } = await taken();
    for (const body of [
      { text: ' ', key: newKey() },
      { text: '好'.repeat(700), key: newKey() },
      { text: 'x', key: 'short' },
      { text: 'x' },
      { key: newKey() },
    ])
      expect((await api.ask('POST', `${path}/send`, body)).status, JSON.stringify(body)).toBe(400);
  });
});

describe('a picture of an agent', () => {
  test('is given to WeChat, goes through the outbox, and is shown without another fetch', async () => {
    const stage = await taken();
    const { api, path, simulator, openid } = stage;
    const content = sample('png', { bytes: 3_000 });
    const sent = await api.post(`${path}/send`, pictureForm(content));
    expect(sent.kind).toBe('queued');
    await simulator.waitForDelivered(openid, 1);
    expect(simulator.media.uploads).toHaveLength(1);
    const { turns } = await api.get(path);
    expect(turns.at(-1)).toMatchObject({
      type: 'image',
      from: 'agent',
      media: { kind: 'image', path: `media/d${sent.deliveryId}` },
    });
    const shown = await api.fetch(turns.at(-1).media.path);
    expect(shown.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(await shown.arrayBuffer()).equals(content)).toBe(true);
    expect(simulator.calls.filter(({ path: called }) => called === '/cgi-bin/media/get')).toEqual([]);
  });

  test('that comes twice is sent once and uploaded once', async () => {
    const stage = await taken();
    const { api, path, simulator, openid } = stage;
    const key = newKey();
    const first = await api.post(`${path}/send`, pictureForm(sample('png'), key));
    await simulator.waitForDelivered(openid, 1);
    expect(await api.post(`${path}/send`, pictureForm(sample('png'), key))).toEqual(first);
    expect(simulator.media.uploads).toHaveLength(1);
    expect(await deliveries(stage)).toHaveLength(1);
  });

  test('is refused where it is none, or too large, whatever it says it is', async () => {
    const stage = await taken();
    const { api, path } = stage;
    const send = (content: Buffer) => api.ask('POST', `${path}/send`, pictureForm(content));
    expect(await send(Buffer.from('<svg onload="alert(1)"/>'))).toMatchObject({
      status: 415,
      body: { error: 'not_a_picture' },
    });
    expect(await send(sample('mp4'))).toMatchObject({ status: 415 });
    expect(await send(sample('png', { bytes: 10 * 1_024 * 1_024 + 1 }))).toMatchObject({
      status: 413,
      body: { error: 'too_large' },
    });
    const empty = new FormData();
    empty.set('key', newKey());
    expect(await api.ask('POST', `${path}/send`, empty)).toMatchObject({
      status: 400,
      body: { error: 'empty' },
    });
    expect(await deliveries(stage)).toEqual([]);
  });

  test('that WeChat does not take tells why, and sends nothing', async () => {
    const stage = await taken();
    const { api, path, simulator } = stage;
    simulator.faults.add({ path: '/cgi-bin/media/upload', fault: { errcode: 40004 } });
    expect(await api.ask('POST', `${path}/send`, pictureForm(sample('png')))).toMatchObject({
      status: 502,
      body: { error: 'wechat_refused', message: expect.stringContaining('40004') },
    });
    expect(await deliveries(stage)).toEqual([]);
  });
});
