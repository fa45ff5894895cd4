import { request } from 'undici';
import { expect, test } from 'vitest';
import { createReadySign } from '../../src/observe/ready-sign.js';
import { setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

async function ask(url: string, method: 'GET' | 'HEAD' = 'GET') {
  const { statusCode: status, headers, body } = await request(url, { method });
  return { status, headers, text: await body.text() };
}

test('the public port tells a balancer that it is ready, and nothing else', async () => {
  const { start } = await setStage();
  const { webhookUrl } = await start();
  for (const path of ['/healthz', '/']) {
    const url = String(new URL(path, webhookUrl));
    expect(await ask(url)).toMatchObject({ status: 200, text: 'ok' });
    const head = await ask(url, 'HEAD');
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['cache-control']).toBe('no-store');
  }
});

test('the public port says 503 while messages cannot be stored, without a word about why', async () => {
  const { database, start } = await setStage();
  const { webhookUrl, adminUrl } = await start({ role: 'ingress' });
  const url = String(new URL('/healthz', webhookUrl));
  expect(await ask(url)).toMatchObject({ status: 200 });
  await database.pool.query('alter table wechat.schema_migration rename to away');
  const answer = await waitFor('503', async () => {
    const one = await ask(url);
    return one.status === 503 && one;
  });
  expect(answer.text).toBe('not ready');
  expect((await fetch(`${adminUrl}/readyz`)).status).toBe(503);
  await database.pool.query('alter table wechat.away rename to schema_migration');
  await waitFor('200', async () => (await ask(url)).status === 200);
});

test('however many ask, the checks are looked at once a second', async () => {
  let looks = 0;
  let nowMs = 0;
  let isReady = true;
  const sign = createReadySign({
    look: async () => {
      looks += 1;
      return isReady;
    },
    isStopping: () => false,
    now: () => nowMs,
  });
  expect(await Promise.all(Array.from({ length: 100 }, () => sign()))).not.toContain(false);
  isReady = false;
  nowMs = 999;
  expect(await sign()).toBe(true);
  expect(looks).toBe(1);
  nowMs = 1_000;
  expect(await Promise.all(Array.from({ length: 100 }, () => sign()))).not.toContain(true);
  expect(looks).toBe(2);
});

test('a process that was told to stop is not ready from that moment on', async () => {
  let isStopping = false;
  const sign = createReadySign({ look: async () => true, isStopping: () => isStopping, now: () => 0 });
  expect(await sign()).toBe(true);
  isStopping = true;
  expect(await sign()).toBe(false);
});
