import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { storeYear, tell } from '../../support/history.js';
import { mount } from './support.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let lastAccount = 0;
async function newHistory(history: Parameters<typeof tell>[2]): Promise<string> {
  lastAccount += 1;
  const account = `wxlist${lastAccount}`;
  await tell(database.pool, account, history);
  return account;
}

const take = (account: string, openid: string, agent: string, on = database) =>
  on.rows('select * from wechat.take_over($1, $2, $3)', [account, openid, agent]);
const ask = (account: string, openid: string, on = database) =>
  on.rows(`select wechat.ask_for_person($1, $2, '退款')`, [account, openid]);

interface Row {
  openid: string;
}
const openids = (page: { rows: Row[] }) => page.rows.map(({ openid }) => openid);

describe('the list of conversations', () => {
  test('has each user once, who wrote last first, with what was said last', async () => {
    const account = await newHistory([
      { openid: 'o1', hoursAgo: 5, text: 'early' },
      { openid: 'o2', hoursAgo: 4, text: 'hello', replies: [{ text: 'hi' }] },
      { openid: 'o1', hoursAgo: 3, text: 'later' },
    ]);
    const api = await mount({ database });
    const page = await api.get(`conversations?account=${account}`);
    expect(page.rows).toMatchObject([
      { openid: 'o1', state: 'bot', lastText: 'later', lastFrom: 'user', unread: 0, agent: null },
      { openid: 'o2', state: 'bot', lastText: 'hi', lastFrom: 'bot' },
    ]);
    expect(page.next).toBeNull();
  });

  test('goes on behind a row, whatever came meanwhile', async () => {
    const account = await newHistory(
      ['o1', 'o2', 'o3', 'o4', 'o5'].map((openid) => ({ openid, hoursAgo: 2, text: 'x' })),
    );
    const api = await mount({ database });
    const first = await api.get(`conversations?account=${account}&limit=2`);
    expect(openids(first)).toEqual(['o5', 'o4']);
    const second = await api.get(`conversations?account=${account}&limit=2&before=${first.next}`);
    expect(openids(second)).toEqual(['o3', 'o2']);
    const third = await api.get(`conversations?account=${account}&limit=2&before=${second.next}`);
    expect(openids(third)).toEqual(['o1']);
    expect(third.next).toBeNull();
  });

  test('tells apart who waits, who is taken, who is with the replies and who is quiet', async () => {
    // Of its own: ids grow with time, as in life.
    const own = await createTestDatabase();
    onTestFinished(() => own.drop());
    const account = 'wxown';
    await tell(own.pool, account, [
      { openid: 'quiet', hoursAgo: 60, text: 'x' },
      { openid: 'waits', hoursAgo: 3, text: 'x' },
      { openid: 'taken', hoursAgo: 3, text: 'x' },
      { openid: 'mine', hoursAgo: 3, text: 'x' },
      { openid: 'bot', hoursAgo: 2, text: 'x' },
    ]);
    await ask(account, 'waits', own);
    await take(account, 'taken', 'ben', own);
    await take(account, 'mine', 'anna', own);
    const api = await mount({ database: own });
    const of = async (query: string) => openids(await api.get(`conversations?account=${account}&${query}`));
    expect(await of('state=waiting')).toEqual(['waits']);
    expect(await of('state=taken')).toEqual(['mine', 'taken']);
    expect(await of('state=bot')).toEqual(['bot']);
    expect(await of('state=quiet')).toEqual(['quiet']);
    expect(await of('mine=1')).toEqual(['mine']);
    expect(await of('mine=1&state=taken')).toEqual(['mine']);
    for (const none of ['mine=1&state=bot', 'unread=1&state=quiet', 'mine=1&state=waiting'])
      expect(await of(none), none).toEqual([]);
    const { rows } = await api.get(`conversations?account=${account}&state=waiting`);
    expect(rows).toMatchObject([{ state: 'waiting', reason: '退款', agent: null, unread: 1 }]);
    expect((await api.get(`conversations?account=${account}`)).rows).toHaveLength(5);
  });

  test('finds a user by openid, and by a part of it', async () => {
    const account = await newHistory([
      { openid: 'oAbc_1', hoursAgo: 3, text: 'x' },
      { openid: 'oAbcd1', hoursAgo: 2, text: 'x' },
    ]);
    const api = await mount({ database });
    expect(openids(await api.get(`conversations?q=oAbc_1`))).toEqual(['oAbc_1']);
    expect(openids(await api.get(`conversations?account=${account}&q=bc_`))).toEqual(['oAbc_1']);
    expect(openids(await api.get(`conversations?account=${account}&q=oabc`))).toEqual(['oAbcd1', 'oAbc_1']);
  });

  test('counts what no agent has read, until it is read', async () => {
    const account = await newHistory([{ openid: 'o1', hoursAgo: 3, text: 'x' }]);
    await ask(account, 'o1');
    const api = await mount({ database });
    const [row] = (await api.get(`conversations?account=${account}&unread=1`)).rows;
    expect(row).toMatchObject({ openid: 'o1', unread: 1 });
    const { turns } = await api.get(`conversations/${account}/o1`);
    await api.post(`conversations/${account}/o1/read`, { messageId: turns.at(-1).messageId }, 204);
    expect((await api.get(`conversations?account=${account}&unread=1`)).rows).toEqual([]);
  });

  test('refuses what it does not know, in the reader’s language', async () => {
    const api = await mount({ database });
    for (const query of ['state=all', 'limit=0', 'limit=201', 'before=x', 'colour=red'])
      expect(await api.ask('GET', `conversations?${query}`)).toMatchObject({
        status: 400,
        body: { error: 'bad_request' },
      });
    expect((await api.get('conversations?colour=red&lang=zh-CN', 400)).message).toBe(
      '参数不认识或有误：colour',
    );
    expect((await api.get('conversations?colour=red&lang=en', 400)).message).toBe('Unknown or wrong: colour');
  });

  test('is quick whatever the history, and each page has a bound', async () => {
    const large = await createTestDatabase();
    try {
      await storeYear(large.pool, 'wxyear', 12_000);
      const api = await mount({ database: large });
      for (const query of ['', 'state=bot', 'state=quiet', 'state=waiting', 'q=nobody', 'account=wxnone']) {
        const startedAt = performance.now();
        const page = await api.get(`conversations?${query}`);
        expect(performance.now() - startedAt, query).toBeLessThan(1_500);
        expect(page.rows.length).toBeLessThanOrEqual(50);
      }
      // Every user of a year, page by page, each once.
      const seen: string[] = [];
      let before = '';
      for (;;) {
        const page = await api.get(`conversations?limit=200${before}`);
        seen.push(...openids(page));
        if (page.next === null) break;
        before = `&before=${page.next}`;
      }
      expect(seen.length).toBe(3_000);
      expect(new Set(seen).size).toBe(3_000);
    } finally {
      await large.drop();
    }
  });
});
