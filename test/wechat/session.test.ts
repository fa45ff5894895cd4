import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createClient } from '../../src/wechat/out/client.js';

/** A server that answers as told, a client of it, and what it was asked. */
async function apiThatAnswers(answer: string) {
  const asked: { url: string | undefined; body: unknown }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      asked.push({ url: request.url, body: JSON.parse(body) });
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = createClient({ apiBase: `http://127.0.0.1:${port}` });
  onTestFinished(async () => {
    await client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { client, asked };
}

test("a session with Tencent's customer service is asked for by account and openid", async () => {
  const { client, asked } = await apiThatAnswers('{"errcode":0,"errmsg":"ok"}');
  expect(await client.createSession('72_a&b', 'oUser', 'anna@shop')).toEqual({ kind: 'created' });
  expect(asked).toEqual([
    {
      url: '/customservice/kfsession/create?access_token=72_a%26b',
      body: { kf_account: 'anna@shop', openid: 'oUser' },
    },
  ]);
});

test('an agent who is not online, or a customer of another agent, is a refusal with its code', async () => {
  for (const errcode of [65415, 65414]) {
    const { client } = await apiThatAnswers(JSON.stringify({ errcode, errmsg: 'no' }));
    expect(await client.createSession('72_a', 'oUser', 'anna@shop')).toMatchObject({
      kind: 'refused',
      errcode,
    });
  }
});
