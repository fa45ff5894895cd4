import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { signPage } from '../../src/accounts/jsapi.js';
import { type Stage, setStage } from '../support/stage.js';

const origin = 'https://www.example.com';
const page = `${origin}/shop?a=1&b=2`;

const ticketCalls = ({ simulator }: Stage) =>
  simulator.calls.filter(({ path }) => path === '/cgi-bin/ticket/getticket').length;

async function stageWithPages() {
  const stage = await setStage();
  const settings = { JSAPI_ORIGINS: `${origin}, https://m.example.com` };
  const { adminUrl } = await stage.start({ settings });
  const ask = (query: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${adminUrl}/jsapi/signature?${new URLSearchParams(query)}`, { headers });
  return { ...stage, settings, ask };
}

test('a page is signed as in the example of WeChat’s JS-SDK guide', () => {
  expect(
    signPage({
      ticket: 'sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg',
      nonceStr: 'Wm3WZYTPz0wzccnW',
      timestamp: 1_414_587_457,
      url: 'http://mp.weixin.qq.com?params=value',
    }).signature,
  ).toBe('0f9de62fce790f9a083d5c99e95740ceb90c27ed');
});

describe('GET /jsapi/signature', () => {
  test('signs a page of an allowed origin, without its fragment', async () => {
    const { account, simulator, ask } = await stageWithPages();
    const response = await ask({ url: `${page}#top` }, { origin });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    const { appId, timestamp, nonceStr, signature } = (await response.json()) as Record<string, unknown>;
    expect(appId).toBe(account.appId);
    const ticket = simulator.tickets.current(account.appId);
    const text = `jsapi_ticket=${ticket}&noncestr=${nonceStr}&timestamp=${timestamp}&url=${page}`;
    expect(signature).toBe(createHash('sha1').update(text).digest('hex'));
  });

  test('asks for one ticket, shared by all processes, and never twice the same nonce', async () => {
    const stage = await stageWithPages();
    const { database, settings, start, ask } = stage;
    const other = await start({ role: 'ingress', settings });
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, () => ask({ url: page })),
      ...Array.from({ length: 10 }, () => fetch(`${other.adminUrl}/jsapi/signature?url=${page}`)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    const bodies = (await Promise.all(answers.map((one) => one.json()))) as { nonceStr: string }[];
    expect(new Set(bodies.map(({ nonceStr }) => nonceStr)).size).toBe(20);
    expect(ticketCalls(stage)).toBe(1);
    expect(await database.rows('select kind from wechat.credential order by kind')).toEqual([
      { kind: 'access_token' },
      { kind: 'jsapi_ticket' },
    ]);
  });

  test('gets a ticket with another token when the first has ended', async () => {
    const stage = await stageWithPages();
    await stage.ask({ url: page });
    await stage.database.pool.query(`delete from wechat.credential where kind = 'jsapi_ticket'`);
    stage.simulator.tokens.expire(stage.account.appId);
    const { adminUrl } = await stage.start({ role: 'ingress', settings: stage.settings });
    const response = await fetch(`${adminUrl}/jsapi/signature?url=${page}`);
    expect(response.status).toBe(200);
  });

  test('refuses a foreign origin, a page that is none, and an account that is not here', async () => {
    const { ask } = await stageWithPages();
    const foreign = await ask({ url: 'https://evil.example/' }, { origin: 'https://evil.example' });
    expect(foreign.status).toBe(403);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    for (const url of ['https://www.example.com.evil.example/', 'http://www.example.com/', `${origin}:8443/`])
      expect((await ask({ url })).status).toBe(403);
    for (const url of ['', 'nonsense', 'javascript:alert(1)']) expect((await ask({ url })).status).toBe(400);
    expect((await ask({ url: page, account: 'wx-nobody' })).status).toBe(404);
  });

  test('says that it has no ticket when WeChat gives none', async () => {
    const { simulator, ask } = await stageWithPages();
    simulator.faults.add({ path: '/cgi-bin/ticket/getticket', fault: { errcode: 48001 } });
    const response = await ask({ url: page });
    expect(response.status).toBe(503);
    expect((await ask({ url: page })).status).toBe(200);
  });
});
