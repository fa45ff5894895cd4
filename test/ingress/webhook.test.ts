import { connect } from 'node:net';
import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { sign } from '../../src/wechat/in/signature.js';
import { type Stage, setStage } from '../support/stage.js';

function signedQuery(token: string, timestamp = Math.floor(Date.now() / 1_000)): string {
  return `signature=${sign(token, String(timestamp), '7')}&timestamp=${timestamp}&nonce=7`;
}

const push =
  '<xml><FromUserName>o</FromUserName><CreateTime>1700000000</CreateTime><MsgType>text</MsgType><Content>x</Content><MsgId>9</MsgId></xml>';

async function post(
  url: string,
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'text/xml' },
) {
  const response = await request(url, { method: 'POST', body, headers });
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    body: await response.body.text(),
  };
}

async function storedMessages({ database }: Stage): Promise<number> {
  const [row] = await database.rows<{ count: number }>(
    'select count(*)::int as count from wechat.inbound_message',
  );
  return row?.count ?? 0;
}

describe("WeChat's server check", () => {
  test('gets its echo string back as plain text', async () => {
    const { simulator, start } = await setStage();
    const service = await start({ role: 'ingress' });
    expect(await simulator.checkServer()).toMatchObject({ ok: true });
    simulator.setWebhookUrl(service.webhookUrl.replace(/\/wechat\/.*/, '/wechat'));
    expect(await simulator.checkServer()).toMatchObject({ ok: true });
  });

  test('is refused with a wrong signature', async () => {
    const { start } = await setStage();
    const { webhookUrl } = await start({ role: 'ingress' });
    const response = await request(`${webhookUrl}?${signedQuery('other')}&echostr=secret`);
    expect(response.statusCode).toBe(403);
    expect(await response.body.text()).not.toContain('secret');
  });
});

describe('a push', () => {
  test.each([
    ['with a wrong signature', 403, 'other', undefined, push],
    ['with a stale signature', 403, undefined, 1_600_000_000, push],
    ['that is JSON', 400, undefined, undefined, '{"hello":"world"}'],
    ['that is empty', 400, undefined, undefined, ''],
    ['with a DOCTYPE', 400, undefined, undefined, `<!DOCTYPE xml [<!ENTITY a "b">]>${push}`],
    ['over 256 KiB', 413, undefined, undefined, push.replace('>x<', `>${'x'.repeat(256 * 1024)}<`)],
  ])(
    '%s is answered with %i in plain text, and not stored',
    async (_name, status, token, timestamp, body) => {
      const stage = await setStage();
      const { webhookUrl } = await stage.start({ role: 'ingress' });
      const answer = await post(
        `${webhookUrl}?${signedQuery(token ?? stage.account.token, timestamp)}`,
        body,
      );
      expect(answer).toMatchObject({ status, type: 'text/plain; charset=utf-8' });
      expect(await storedMessages(stage)).toBe(0);
    },
  );

  test('to an unknown account or path is answered with 404 in plain text', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress' });
    const query = signedQuery(stage.account.token);
    for (const path of ['/wechat/wxother', '/elsewhere', '/']) {
      const answer = await post(`${new URL(path, webhookUrl)}?${query}`, push);
      expect(answer).toMatchObject({ status: 404, type: 'text/plain; charset=utf-8' });
    }
    expect(await storedMessages(stage)).toBe(0);
  });

  test('is taken whatever its content type, in chunks or not, with its bytes as they are', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress' });
    const url = `${webhookUrl}?${signedQuery(stage.account.token)}`;
    const content = '中文 😀 é';
    const types: Record<string, string>[] = [
      {},
      { 'content-type': 'text/xml' },
      { 'content-type': 'application/octet-stream' },
      { 'content-type': 'application/x-www-form-urlencoded' },
    ];
    for (const [index, headers] of types.entries()) {
      const body = push.replace('>x<', `>${content}<`).replace('>9<', `>${index}<`);
      expect(await post(url, Buffer.from(body), headers)).toMatchObject({ status: 200, body: '' });
    }
    expect(await stage.database.rows('select distinct content from wechat.inbound_message')).toEqual([
      { content },
    ]);
    expect(await storedMessages(stage)).toBe(types.length);
  });

  test('with broken UTF-8 and NULs is stored and answered', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress' });
    const [before, after] = push.split('>x<');
    const body = Buffer.concat([
      Buffer.from(`${before}>a`),
      Buffer.from([0xff, 0x00, 0xed, 0xa0, 0x80]),
      Buffer.from(`b<${after}`),
    ]);
    expect(await post(`${webhookUrl}?${signedQuery(stage.account.token)}`, body)).toMatchObject({
      status: 200,
      body: '',
    });
    const [row] = await stage.database.rows<{ content: string }>(
      'select content from wechat.inbound_message',
    );
    expect(row?.content).toMatch(/^a\uFFFD+b$/);
  });

  test('whose sender stalls is cut off', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress' });
    const { port } = new URL(webhookUrl);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('POST /wechat HTTP/1.1\r\nhost: x\r\n');
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    expect(answer).toContain('408');
  });
});

describe('the admin port', () => {
  test('tells that the process lives, that it can work, and what it has done', async () => {
    const { simulator, account, start } = await setStage();
    const { adminUrl } = await start();
    await simulator.user('oUser').say('hello');
    await simulator.waitForDelivered('oUser', 1);
    const get = async (path: string) => {
      const response = await request(adminUrl + path);
      return { status: response.statusCode, body: await response.body.text() };
    };
    expect(await get('/healthz')).toEqual({ status: 200, body: 'ok\n' });
    expect(await get('/readyz')).toEqual({
      status: 200,
      body: 'process: ok\ndatabase: ok\nwritable: ok\naccounts: ok\nmigrations: ok\nconnections: ok\nworker: ok\nwebhook: ok\ninbox: ok\n',
    });
    const { body } = await get('/metrics');
    expect(body).toContain(
      `wechat_outbox_inbound_total{account="${account.appId}",type="text",result="stored"} 1`,
    );
    expect(body).toContain(`wechat_outbox_token_refreshes_total{account="${account.appId}",result="ok"} 1`);
    expect(body).toContain('nodejs_eventloop_lag_seconds');
  });

  test('says which migration is missing', async () => {
    const { database, start } = await setStage();
    const { adminUrl } = await start({ role: 'ingress' });
    await database.pool.query(`delete from wechat.schema_migration where name like '0004%'`);
    const response = await request(`${adminUrl}/readyz`);
    expect(response.statusCode).toBe(503);
    expect(await response.body.text()).toContain('migrations: not applied: 0004_operators');
  });
});
