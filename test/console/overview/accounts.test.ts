import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/config/settings.js';
import type { Page } from '../../../src/console/contract/history.js';
import type { AccountView, ActionRow, Analytics } from '../../../src/console/contract/overview.js';
import { createOverviewRoutes } from '../../../src/console/server/overview/routes.js';
import type { QuotaOutcome } from '../../../src/wechat/out/client.js';
import { TokenError } from '../../../src/wechat/out/errors.js';
import { anybody, type Mounted, mount, silent } from '../../support/area.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { tell } from '../../support/history.js';

let database: TestDatabase;
let api: Mounted;
let quotas: (QuotaOutcome | Error)[] = [];
const replaced: string[] = [];
const secrets = ['0123456789abcdef0123456789abcdef', 'verysecrettoken'];

const config = readConfig({
  WECHAT_APP_ID: 'wxone',
  WECHAT_APP_SECRET: secrets[0],
  WECHAT_TOKEN: secrets[1],
  WECHAT_ACCOUNT_NAME: '茶馆',
  PUBLIC_URL: 'https://static.example.com',
});

beforeAll(async () => {
  database = await createTestDatabase();
  api = await mount(
    createOverviewRoutes({
      ...{ pool: database.pool, requires: anybody, log: silent, accounts: config.accounts },
      clientOf: () => ({
        async fetchQuota() {
          const next = quotas.shift() ?? new Error('not expected');
          if (next instanceof Error) throw next;
          return next;
        },
      }),
      tokens: {
        get: async () => 'first',
        replace: async (_account, failed) => {
          replaced.push(failed);
          return 'second';
        },
      },
      checkAccount: async ({ appId }, language) => [
        { level: 'ok', title: appId, detail: language, remedy: null },
      ],
      stopping: new AbortController().signal,
    }),
  );
  await tell(database.pool, 'wxone', [
    { openid: 'oA', hoursAgo: 20, text: 'hi', replies: [{ text: 'hello', seconds: 2 }] },
    {
      openid: 'oA',
      hoursAgo: 19,
      event: 'click',
      eventKey: '=HYPERLINK("http://x")',
      replies: [{ text: 'x' }],
    },
    { openid: 'oB', hoursAgo: 18, event: 'click', eventKey: '=HYPERLINK("http://x")' },
    { openid: 'oB', hoursAgo: 18, event: 'subscribe', eventKey: 'qrscene_shop', replies: [{ text: 'x' }] },
    { openid: 'oC', hoursAgo: 17, event: 'scan', eventKey: 'shop' },
    { openid: 'oC', hoursAgo: 16, text: 'why', replies: [{ text: 'no', status: 'failed', errcode: 45002 }] },
  ]);
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

describe('accounts', () => {
  test('are shown with their settings and without secrets', async () => {
    await database.rows(
      `insert into wechat.credential (app_id, kind, value, expires_at) values ('wxone', 'access_token', 'TOKEN', now() + interval '1 hour')`,
    );
    const { body } = await api.get('/accounts');
    const [account] = body as AccountView[];
    expect(account).toMatchObject({
      ...{ appId: 'wxone', name: '茶馆', webhookPath: '/wechat/wxone', pause: null },
      token: { expiresAt: expect.any(String) },
      lastPushAt: expect.any(String),
      lastSentAt: expect.any(String),
      settings: expect.arrayContaining([
        { name: 'ENCRYPTION', value: 'plaintext' },
        { name: 'WINDOW_MESSAGE', value: '5/172800s' },
      ]),
    });
    for (const secret of [...secrets, 'TOKEN"']) expect(JSON.stringify(body)).not.toContain(secret);
  });

  test('are paused and resumed in the name of the person', async () => {
    expect(await api.post('/accounts/wxone/pause', { reason: 'maintenance' })).toMatchObject({ status: 200 });
    const { body } = await api.get('/accounts');
    expect((body as AccountView[])[0]?.pause).toMatchObject({ reason: 'operator', error: 'maintenance' });
    expect((await api.post('/accounts/wxone/resume')).body).toEqual({ paused: false, wasPaused: true });
    expect((await api.post('/accounts/wxone/resume')).body).toEqual({ paused: false, wasPaused: false });
    const first = (await api.get('/actions?limit=1')).body as Page<ActionRow>;
    expect(first).toMatchObject({
      rows: [{ actor: 'mei', action: 'resume', account: 'wxone', affected: 1 }],
    });
    const second = (await api.get(`/actions?before=${first.next}&actor=mei`)).body as Page<ActionRow>;
    expect(second).toMatchObject({
      rows: [{ action: 'pause', details: { reason: 'maintenance' } }],
      next: null,
    });
    expect((await api.get('/actions?action=pause')).body).toMatchObject({ rows: [{ action: 'pause' }] });
    expect((await api.get('/actions?account=wxone&limit=1')).body).toMatchObject({
      rows: [{ action: 'resume' }],
    });
    expect((await api.get('/actions?account=wxother')).body).toEqual({ rows: [], next: null });
  });

  test('are checked in the language of the person', async () => {
    expect((await api.post('/accounts/wxone/check?lang=zh-CN')).body).toEqual({
      findings: [{ level: 'ok', title: 'wxone', detail: 'zh-CN', remedy: null }],
    });
    expect((await api.post('/accounts/wxother/check')).status).toBe(404);
  });

  test('say what is left of their quota; a token that is refused is had anew', async () => {
    const quota = { daily: 500_000, used: 12, remaining: 499_988 };
    quotas = [
      { kind: 'refused', httpStatus: 200, errcode: 40001, errmsg: 'invalid', errorClass: 'token' },
      { kind: 'told', quota },
    ];
    expect(await api.get('/accounts/wxone/quota')).toEqual({ status: 200, body: quota });
    expect(replaced).toEqual(['first']);
    quotas = [
      { kind: 'refused', httpStatus: 200, errcode: 76022, errmsg: 'not yours', errorClass: undefined },
    ];
    expect(await api.get('/accounts/wxone/quota?lang=en')).toMatchObject({
      ...{ status: 502, body: { error: 'no_quota', message: expect.stringContaining('76022 not yours') } },
    });
    quotas = [new TokenError('account', 40125, 'invalid appsecret')];
    expect((await api.get('/accounts/wxone/quota')).status).toBe(502);
  });
});

describe('figures', () => {
  const since = new Date(Date.now() - 23 * 3_600_000).toISOString();

  test('count no message as unanswered that was answered with a later one', async () => {
    const all = 'select id, status from wechat.inbound_message order by id';
    const before = (await database.pool.query<{ id: string }>(all)).rows;
    const later = String(BigInt(before.at(-1)?.id ?? '0') + 1n);
    const unanswered = `m.msg_type <> 'event' and m.status = 'settled'
      and not exists (select from wechat.delivery d where d.message_id = m.id and d.status = 'sent')`;
    const { rowCount } = await database.pool.query(
      `update wechat.inbound_message m set merged_into = $1 where ${unanswered}`,
      [later],
    );
    const { body } = await api.get(`/analytics?since=${since}&lang=en`);
    const { unanswered: left } = (body as Analytics).totals;
    await database.pool.query('update wechat.inbound_message set merged_into = null');
    const { body: restored } = await api.get(`/analytics?since=${since}&lang=en`);
    expect((restored as Analytics).totals.unanswered - left).toBe(rowCount);
    expect(rowCount).toBe(1);
  });

  test('of messages, answers, menus, scenes, failures and hours', async () => {
    const { body } = await api.get(`/analytics?since=${since}&lang=en`);
    const figures = body as Analytics;
    expect(figures).toMatchObject({
      totals: { users: 3, messages: 6, answered: 3, unanswered: 1, failed: 1 },
      menuKeys: [{ key: '=HYPERLINK("http://x")', taps: 2, users: 2 }],
      scenes: [{ scene: 'shop', scans: 1, follows: 1, users: 2 }],
      failures: [{ code: 45002, state: 'failed', count: 1, meaning: expect.stringMatching(/./) }],
    });
    expect(figures.latencyMs.p50).toBe(1_000);
    expect(figures.latencyMs.p99).toBeGreaterThan(1_900);
    expect(figures.series.reduce((sum, { messages }) => sum + messages, 0)).toBe(6);
    expect(figures.series.reduce((sum, { sent }) => sum + sent, 0)).toBe(3);
    expect(figures.series.length).toBeGreaterThan(3);
    expect(figures.busiest.reduce((sum, { messages }) => sum + messages, 0)).toBe(6);
    expect(figures.events).toEqual([
      { event: 'click', count: 2, users: 2 },
      { event: 'scan', count: 1, users: 1 },
      { event: 'subscribe', count: 1, users: 1 },
    ]);
    expect((await api.get(`/analytics?since=${since}&account=wxother`)).body).toMatchObject({
      totals: { messages: 0 },
      series: [],
    });
  });

  test('a table as CSV holds no formula', async () => {
    const response = await fetch(`${api.url}/analytics?since=${since}&format=csv&table=menuKeys`);
    expect(response.headers.get('content-type')).toMatch(/^text\/csv/);
    expect(response.headers.get('content-disposition')).toContain('menuKeys.csv');
    expect(Buffer.from(await response.arrayBuffer()).toString('utf8')).toBe(
      `\uFEFFkey,taps,users\r\n"'=HYPERLINK(""http://x"")",2,2\r\n`,
    );
    expect((await api.get(`/analytics?format=csv`)).status).toBe(400);
    expect((await api.get(`/analytics?format=csv&table=users`)).status).toBe(400);
    expect((await api.get(`/analytics?since=${since}&until=2020-01-01T00:00:00Z`)).status).toBe(400);
  });
});
