import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createClients } from '../../src/sending/clients.js';
import { createClient } from '../../src/wechat/out/client.js';
import { waitFor } from '../support/wait.js';

/** An API that never answers what is sent for one account, whose token says so. */
async function hangingApi() {
  const hanging: string[] = [];
  const server = createServer((request, response) => {
    if (request.url?.includes('token-a')) hanging.push(request.url);
    else if (request.url?.includes('stable_token'))
      response.end(JSON.stringify({ access_token: 'T', expires_in: 7_200 }));
    else response.end(JSON.stringify({ errcode: 0, errmsg: 'ok' }));
    request.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { apiBase: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hanging };
}

const text = { msgtype: 'text', text: { content: 'hello' } };

test('an account that hangs holds up neither the sends of another nor any token', async () => {
  const { apiBase, hanging } = await hangingApi();
  const clients = createClients({
    create: (options) => createClient({ apiBase, ...options }),
    sendConcurrency: 2,
  });
  onTestFinished(() => clients.destroy());
  const stuck = [1, 2, 3].map((number) => clients.sends('a').sendMessage('token-a', `o${number}`, text));
  await waitFor('its connections to be used up', () => hanging.length === 2);
  expect(await clients.sends('b').sendMessage('token-b', 'oUser', text)).toMatchObject({ kind: 'sent' });
  const account = { appId: 'a', appSecret: 's', accessTokenMode: 'stable' } as const;
  expect(await clients.tokens.fetchToken(account, { forceRefresh: false })).toMatchObject({ value: 'T' });
  expect(hanging).toHaveLength(2);
  await clients.destroy();
  expect((await Promise.all(stuck)).map(({ kind }) => kind)).toEqual(['unknown', 'unknown', 'transient']);
});

test('who comes after the end gets an answer at once', async () => {
  const { apiBase } = await hangingApi();
  const clients = createClients({
    create: (options) => createClient({ apiBase, ...options }),
    sendConcurrency: 2,
  });
  await clients.destroy();
  expect(await clients.sends('a').sendMessage('token-b', 'oUser', text)).toMatchObject({ kind: 'transient' });
});

test('a call whose time is over while it waits for a connection is never written', async () => {
  const { apiBase, hanging } = await hangingApi();
  const clients = createClients({
    create: (options) => createClient({ apiBase, ...options }),
    sendConcurrency: 1,
  });
  onTestFinished(() => clients.destroy());
  const outcome = await clients.sends('a').sendMessage('token-a', 'o1', text, { mayWrite: () => false });
  expect(outcome).toMatchObject({ kind: 'transient', unwritten: true });
  expect(hanging).toEqual([]);
});
