import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { tell } from '../../support/history.js';
import { mount } from './support.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const account = 'wxchat';
let lastUser = 0;
async function newUser(
  history: readonly Omit<Parameters<typeof tell>[2][number], 'openid'>[],
): Promise<string> {
  lastUser += 1;
  const openid = `o${lastUser}`;
  await tell(
    database.pool,
    `${account}${lastUser}`,
    history.map((one) => ({ ...one, openid })),
  );
  return `conversations/${account}${lastUser}/${openid}`;
}

describe('a conversation', () => {
  test('has both directions in the order in which they were written, oldest first', async () => {
    const path = await newUser([
      {
        hoursAgo: 3,
        text: 'hello',
        replies: [{ text: 'hi' }, { text: 'what?', status: 'failed', errcode: 45015 }],
      },
      { hoursAgo: 2, event: 'click', eventKey: 'MENU_1' },
      { hoursAgo: 1, text: 'bye', status: 'failed' },
    ]);
    const api = await mount({ database });
    const found = await api.get(`${path}?lang=zh-CN`);
    expect(found.turns).toMatchObject([
      { from: 'user', text: 'hello', state: 'settled', media: null },
      { from: 'bot', text: 'hi', state: 'sent', error: null },
      { from: 'bot', text: 'what?', state: 'failed', error: expect.stringMatching(/\p{Script=Han}/u) },
      { from: 'event', event: 'click', text: 'MENU_1' },
      { from: 'user', text: 'bye', state: 'failed' },
    ]);
    expect(found).toMatchObject({ state: 'bot', handover: null, earlier: null });
  });

  test('is read page by page', async () => {
    const path = await newUser(
      [1, 2, 3, 4, 5].map((n) => ({ hoursAgo: 10 - n, text: `m${n}`, replies: [{ text: `r${n}` }] })),
    );
    const api = await mount({ database });
    const texts = ({ turns }: { turns: { text: string }[] }) => turns.map(({ text }) => text);
    const last = await api.get(`${path}?limit=2`);
    expect(texts(last)).toEqual(['m4', 'r4', 'm5', 'r5']);
    const middle = await api.get(`${path}?limit=2&before=${last.earlier}`);
    expect(texts(middle)).toEqual(['m2', 'r2', 'm3', 'r3']);
    const first = await api.get(`${path}?limit=2&before=${middle.earlier}`);
    expect(texts(first)).toEqual(['m1', 'r1']);
    expect(first.earlier).toBeNull();
  });

  test('shows a place, a link that is a link, and no other', async () => {
    const path = await newUser([
      { hoursAgo: 4, type: 'location', text: '上海市' },
      { hoursAgo: 3, type: 'link', text: 'a page' },
      { hoursAgo: 2, type: 'link', text: 'a trap' },
    ]);
    const [, appId, openid] = path.split('/');
    const set = (type: string, title: string, payload: object) =>
      database.pool.query(
        'update wechat.inbound_message set payload = $5 where app_id = $1 and openid = $2 and msg_type = $3 and content = $4',
        [appId, openid, type, title, payload],
      );
    await set('location', '上海市', { Location_X: '31.2', Location_Y: '121.4', Label: '上海市' });
    await set('link', 'a page', { Url: 'https://example.com/a' });
    await set('link', 'a trap', { Url: 'javascript:alert(1)' });
    const { turns } = await (await mount({ database })).get(path);
    expect(turns).toMatchObject([
      { location: { latitude: 31.2, longitude: 121.4, label: '上海市' }, text: null },
      { link: { title: 'a page', url: 'https://example.com/a' } },
      { link: null },
    ]);
  });

  test('tells of the window that leaves most, and how much of it is used', async () => {
    const path = await newUser([{ hoursAgo: 1, text: 'hello', replies: [{ text: 'hi' }] }]);
    const [, appId, openid] = path.split('/');
    await database.pool.query(
      `update wechat.inbound_message set window_ends_at = received_at + interval '48 hours', window_quota = 5
       where app_id = $1 and openid = $2`,
      [appId, openid],
    );
    const api = await mount({ database });
    expect((await api.get(path)).window).toEqual({ endsAt: expect.any(String), quota: 5, used: 1 });
    await database.pool.query(
      `update wechat.inbound_message set window_ends_at = now() - interval '1 minute' where app_id = $1`,
      [appId],
    );
    const { window } = await api.get(path);
    expect(Date.parse(window.endsAt)).toBeLessThan(Date.now());
  });

  test('says who has it, why, and when it goes back by itself', async () => {
    const path = await newUser([{ hoursAgo: 1, text: 'hello' }]);
    const [, appId, openid] = path.split('/');
    const api = await mount({ database });
    await database.rows(`select wechat.ask_for_person($1, $2, '要退款')`, [appId, openid]);
    expect(await api.get(path)).toMatchObject({
      state: 'waiting',
      handover: { agent: null, reason: '要退款', external: false },
    });
    expect(await api.post(`${path}/take`, { pending: 'cancel' })).toEqual({ kind: 'taken' });
    const { state, handover } = await api.get(path);
    expect({ state, handover }).toMatchObject({
      state: 'taken',
      handover: { agent: 'anna', external: false },
    });
    const inMinutes = (Date.parse(handover.returnsAt) - Date.now()) / 60_000;
    expect(inMinutes).toBeGreaterThan(29);
    expect(inMinutes).toBeLessThanOrEqual(30);
  });

  test('of a user who never wrote, or is forgotten, there is none', async () => {
    const path = await newUser([{ hoursAgo: 60, text: 'hello' }]);
    const [, appId, openid] = path.split('/');
    const api = await mount({ database });
    expect(await api.get('conversations/wxnone/onobody', 404)).toMatchObject({ error: 'no_conversation' });
    await database.rows('select * from wechat.forget($1, $2)', [appId, openid]);
    expect(await api.get(path, 404)).toMatchObject({ error: 'no_conversation' });
  });
});
