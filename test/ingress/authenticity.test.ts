import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { encrypt, signature } from '../../src/simulator/pushes/encrypt.js';
import { type Stage, setStage } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

const key = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
const component = 'wxcomponent0000001';

async function post(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await request(url, { method: 'POST', body, headers });
  return { status: response.statusCode, text: await response.body.text() };
}

let count = 0;
/** A text as pushed, each another one. */
function push(content = 'hello'): string {
  count += 1;
  return `<xml><FromUserName>oAnna</FromUserName><CreateTime>1700000000</CreateTime><MsgType>text</MsgType><Content>${content}</Content><MsgId>${count}</MsgId></xml>`;
}

function sealed({ account }: Stage, { appId = account.appId, ageSeconds = 0 } = {}) {
  const timestamp = String(Math.floor(Date.now() / 1_000) - ageSeconds);
  const encrypted = encrypt(push(), { appId, encodingAesKey: key });
  return {
    body: `<xml><ToUserName>gh</ToUserName><Encrypt>${encrypted}</Encrypt></xml>`,
    query: {
      timestamp,
      nonce: '7',
      encrypt_type: 'aes',
      msg_signature: signature(account.token, timestamp, '7', encrypted),
    },
    signature: signature(account.token, timestamp, '7'),
  };
}

const withQuery = (url: string, query: Record<string, string>) => `${url}?${new URLSearchParams(query)}`;

async function stored({ database }: Stage): Promise<number> {
  return (await database.rows('select from wechat.inbound_message')).length;
}

describe('an encrypted push', () => {
  test('is authentic by its msg_signature alone, as long as it is fresh and encrypted', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress', settings: { WECHAT_ENCODING_AES_KEY: key } });
    const { body, query } = sealed(stage);
    expect(await post(withQuery(webhookUrl, query), body)).toEqual({ status: 200, text: '' });

    const changed = body.replace('<Encrypt>', '<Encrypt>A');
    const old = sealed(stage, { ageSeconds: 900 });
    const refused = [
      [withQuery(webhookUrl, query), changed, 'msg_signature wrong'],
      // What is not encrypted is not covered by it.
      [withQuery(webhookUrl, query), push(), 'it is not encrypted'],
      [withQuery(webhookUrl, old.query), old.body, 'signature stale'],
      [withQuery(webhookUrl, { ...query, signature: 'wrong' }), body, 'signature wrong'],
      [webhookUrl, body, 'signature missing'],
    ] as const;
    for (const [url, text, reason] of refused)
      expect(await post(url, text)).toEqual({ status: 403, text: reason });
    expect(await stored(stage)).toBe(1);
  });

  test('is not, where no key is set', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress' });
    const { body, query } = sealed(stage);
    expect(await post(withQuery(webhookUrl, query), body)).toMatchObject({ status: 403 });
  });

  test('may be for the third-party platform that serves the account, if that is set', async () => {
    const stage = await setStage();
    const { appId, appSecret, token } = stage.account;
    const plain = await stage.start({ role: 'ingress', settings: { WECHAT_ENCODING_AES_KEY: key } });
    const one = sealed(stage, { appId: component });
    const url = (base: string) => withQuery(base, { ...one.query, signature: one.signature });
    expect((await post(url(plain.webhookUrl), one.body)).text).toContain('another AppID');

    const single = await stage.start({
      role: 'ingress',
      settings: { WECHAT_ENCODING_AES_KEY: key, WECHAT_COMPONENT_APP_ID: component },
    });
    expect(await post(url(single.webhookUrl), one.body)).toEqual({ status: 200, text: '' });
    const own = sealed(stage);
    expect(await post(withQuery(single.webhookUrl, own.query), own.body)).toMatchObject({ status: 200 });

    const file = path.join(scratchDirectory(), 'accounts.json');
    const secrets = { appSecret: { env: 'A' }, token: { env: 'B' }, encodingAesKey: { env: 'C' } };
    writeFileSync(file, JSON.stringify({ accounts: [{ appId, ...secrets, componentAppId: component }] }));
    const accountsFile = { ACCOUNTS_FILE: file, A: appSecret, B: token, C: key };
    const several = await stage.start({
      role: 'ingress',
      settings: { WECHAT_APP_ID: '', WECHAT_APP_SECRET: '', WECHAT_TOKEN: '', ...accountsFile },
    });
    const other = sealed(stage, { appId: component });
    expect(await post(withQuery(several.webhookUrl, other.query), other.body)).toMatchObject({ status: 200 });
    expect(await stored(stage)).toBe(3);
  });
});

describe('WECHAT_CLOUD_HOSTING', () => {
  const json = (id: number) =>
    JSON.stringify({
      FromUserName: 'oAnna',
      CreateTime: 1700000000,
      MsgType: 'text',
      Content: '你好',
      MsgId: id,
    });
  const probes = ['{"action":"CheckContainerPath"}', '<xml><action>CheckContainerPath</action></xml>'];

  test('is off: what has no signature is refused, and nothing answers the probe', async () => {
    const stage = await setStage();
    const { webhookUrl, logged } = await stage.start({ role: 'ingress' });
    for (const body of [json(1), ...probes])
      expect(await post(webhookUrl, body)).toMatchObject({ status: 403 });
    expect(logged.filter(({ event }) => event === 'unsigned_pushes')).toEqual([]);
    expect(await stored(stage)).toBe(0);
  });

  test('takes pushes without a signature, answers the probe, and warns of it at the start', async () => {
    const stage = await setStage();
    const { webhookUrl, logged } = await stage.start({
      role: 'ingress',
      settings: { WECHAT_CLOUD_HOSTING: 'on' },
    });
    expect(logged).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        event: 'unsigned_pushes',
        app_id: stage.account.appId,
        msg: expect.stringContaining('public access'),
      }),
    );
    for (const probe of probes)
      expect(await post(webhookUrl, probe)).toEqual({ status: 200, text: 'success' });
    const body = json(7).replace(':7}', ':23637352235060880}');
    for (let tries = 0; tries < 3; tries += 1)
      expect(await post(webhookUrl, body)).toEqual({ status: 200, text: '' });
    expect(await post(webhookUrl, push())).toEqual({ status: 200, text: '' });
    expect(
      await stage.database.rows(
        `select payload ->> 'MsgId' as id from wechat.inbound_message order by id limit 1`,
      ),
    ).toEqual([{ id: '23637352235060880' }]);
    // What claims to be signed is checked as ever.
    expect(
      await post(withQuery(webhookUrl, { signature: 'x', timestamp: '1', nonce: '2' }), push()),
    ).toMatchObject({
      status: 403,
    });
    const { body: encrypted } = sealed(stage);
    expect(await post(webhookUrl, encrypted)).toMatchObject({ status: 403 });
    expect(await stored(stage)).toBe(2);
    // Nor does the check from the console become one that anybody passes.
    expect((await request(`${webhookUrl}?echostr=hi`)).statusCode).toBe(403);
  });

  test('may ask for the header that the platform sets, of all but the probe', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({
      role: 'ingress',
      settings: { WECHAT_CLOUD_HOSTING: 'source' },
    });
    expect(await post(webhookUrl, json(1))).toEqual({ status: 403, text: 'no x-wx-source' });
    expect(await post(webhookUrl, json(1), { 'x-wx-source': '' })).toMatchObject({ status: 403 });
    expect(await post(webhookUrl, json(1), { 'x-wx-source': 'wx_client' })).toEqual({
      status: 200,
      text: '',
    });
    expect(await post(webhookUrl, json(2), { 'x-wx-sources': 'other' })).toEqual({ status: 200, text: '' });
    expect(await post(webhookUrl, probes[0] ?? '')).toEqual({ status: 200, text: 'success' });
    expect(await stored(stage)).toBe(2);
  });
});

test('a flood of refused requests is told in few lines, each kind of its own, and counted in full', async () => {
  const stage = await setStage();
  const { webhookUrl, adminUrl, logged } = await stage.start({ role: 'ingress' });
  const flood = async () => {
    for (let batch = 0; batch < 20; batch += 1)
      await Promise.all(Array.from({ length: 20 }, () => post(webhookUrl, push())));
  };
  await flood();
  const timestamp = String(Math.floor(Date.now() / 1_000) - 900);
  const stale = { signature: signature(stage.account.token, timestamp, '7'), timestamp, nonce: '7' };
  await post(withQuery(webhookUrl, stale), push());
  const lines = () => logged.filter(({ event }) => event === 'push_refused');
  expect(lines().length).toBeLessThan(200);
  expect(lines().filter(({ reason }) => reason === 'signature stale')).toHaveLength(1);
  const missing = () => lines().filter(({ reason }) => reason === 'signature missing');
  let posts = 400;
  await waitFor('the rest to be told', async () => {
    await post(webhookUrl, push());
    posts += 1;
    return missing().at(-1)?.unlogged !== undefined;
  });
  const unlogged = missing().reduce((sum, line) => sum + Number(line.unlogged ?? 0), 0);
  expect(missing().length + unlogged).toBe(posts);
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  expect(metrics).toContain(
    `wechat_outbox_inbound_total{account="${stage.account.appId}",type="unknown",result="refused"} ${posts + 1}`,
  );
});
