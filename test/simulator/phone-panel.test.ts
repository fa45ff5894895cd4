import { request } from 'undici';
import { expect, test, vi } from 'vitest';
import type { Change, FailureOrder } from '../../src/simulator/phone/contract.js';
import { phoneOf } from './phone-support.js';
import {
  account,
  call,
  send,
  sendPath,
  simulate,
  simulateAcknowledged,
  startWebhook,
  textTo,
  tokenOf,
} from './support.js';

const phone = {};
const order: FailureOrder = {
  failure: { kind: 'errcode', errcode: 48001 },
  call: 'send',
  openid: null,
  times: 2,
};

test('so many calls fail as it was ordered, then no more', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const { openid } = await client.me();
  await simulator.user(openid).say('hi');
  expect(await client.trouble({ kind: 'fail', order })).toBe(202);
  expect((await client.state()).troubles.failures).toEqual([order]);
  expect(await send(simulator, textTo(openid, '1'))).toBe(48001);
  expect((await client.state()).troubles.failures).toEqual([{ ...order, times: 1 }]);
  expect(await send(simulator, textTo(openid, '2'))).toBe(48001);
  expect(await send(simulator, textTo(openid, '3'))).toBe(0);
  expect((await client.state()).troubles.failures).toEqual([]);
});

test('a failure without end strikes until it is lifted, and only whom it is for', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  for (const openid of ['oOne', 'oTwo']) await simulator.user(openid).say('hi');
  const endless = { ...order, openid: 'oOne', times: null };
  await client.trouble({ kind: 'fail', order: endless });
  for (const text of ['1', '2', '3']) expect(await send(simulator, textTo('oOne', text))).toBe(48001);
  expect(await send(simulator, textTo('oTwo', '1'))).toBe(0);
  expect((await client.state()).troubles.failures).toEqual([endless]);
  await client.trouble({ kind: 'lift all' });
  expect(await send(simulator, textTo('oOne', '4'))).toBe(0);
});

test.each<[FailureOrder['failure'], RegExp]>([
  [{ kind: 'http', status: 500 }, /500/],
  [{ kind: 'reset', when: 'before' }, /other side closed|ECONNRESET|socket/i],
  [{ kind: 'reset', when: 'after' }, /other side closed|ECONNRESET|socket/i],
  [{ kind: 'hang' }, /timeout/i],
  [{ kind: 'slow', ms: 60_000 }, /timeout/i],
  [{ kind: 'malformed' }, /200 <html>/],
])('a send meets %j', async (failure, seen) => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const token = await tokenOf(simulator);
  await simulator.user('oOne').say('hi');
  await client.trouble({ kind: 'fail', order: { ...order, failure, times: 1 } });
  const answer = request(`${simulator.apiBase}${sendPath}?access_token=${token}`, {
    method: 'POST',
    body: JSON.stringify(textTo('oOne', 'hello')),
    signal: AbortSignal.timeout(500),
  }).then(
    async ({ statusCode, body }) => `${statusCode} ${await body.text()}`,
    (error: unknown) => String(error),
  );
  expect(await answer).toMatch(seen);
  const isDelivered = failure.kind === 'reset' && failure.when === 'after';
  expect(simulator.inboxOf('oOne')).toHaveLength(isDelivered ? 1 : 0);
});

test('the quota of the day is used up until it is lifted', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  await simulator.user('oOne').say('hi');
  expect(await send(simulator, textTo('oOne', '1'))).toBe(0);
  await client.trouble({ kind: 'quota', isUsedUp: true });
  expect(await send(simulator, textTo('oOne', '2'))).toBe(45009);
  expect((await client.state()).troubles.isQuotaUsedUp).toBe(true);
  await client.trouble({ kind: 'quota', isUsedUp: false });
  expect(await send(simulator, textTo('oOne', '3'))).toBe(0);
});

test('a token that is ended is refused at the next call', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const token = await tokenOf(simulator);
  await phoneOf(simulator).trouble({ kind: 'end token' });
  const answer = await call(simulator, `${sendPath}?access_token=${token}`, textTo('oOne', 'hello'));
  expect(answer.errcode).toBe(40001);
});

test('pushes are repeated as they were, and the last one again on demand', async () => {
  const bodies: string[] = [];
  const webhookUrl = await startWebhook(async (incoming, response) => {
    bodies.push(Buffer.concat(await incoming.toArray()).toString());
    response.end();
  });
  const client = phoneOf(await simulate({ phone, webhookUrl }));
  const { openid } = await client.me();
  expect(await client.trouble({ kind: 'push again', openid })).toBe(409);
  await client.trouble({ kind: 'copies', copies: 2 });
  await client.act({ kind: 'say', text: 'hi' });
  await vi.waitFor(() => expect(bodies).toHaveLength(3));
  await client.trouble({ kind: 'copies', copies: 0 });
  await client.trouble({ kind: 'push again', openid });
  await vi.waitFor(async () => expect((await client.state()).pushes).toHaveLength(4));
  expect(new Set(bodies).size).toBe(1);
  expect((await client.state()).pushes.map(({ what, isRepeated }) => `${what} ${isRepeated}`)).toEqual([
    'text false',
    'text true',
    'text true',
    'text true',
  ]);
  // One message, however often it is pushed.
  expect(await client.contents()).toHaveLength(1);
});

test('a webhook that is cut off, and back again', async () => {
  const client = phoneOf(await simulateAcknowledged({ phone }));
  await client.trouble({ kind: 'webhook', isDown: true });
  await client.act({ kind: 'say', text: 'hi' });
  await vi.waitFor(async () => expect((await client.contents()).at(-1)).toEqual({ kind: 'out of service' }));
  await client.trouble({ kind: 'lift all' });
  await client.act({ kind: 'say', text: 'hi again' });
  await vi.waitFor(async () =>
    expect((await client.state()).pushes.at(-1)).toMatchObject({ state: 'acknowledged' }),
  );
});

test('what is asked for must be right', async () => {
  const client = phoneOf(await simulateAcknowledged({ phone }));
  const { appId, openid } = await client.me();
  expect((await client.post('api/actions', 'x')).status).toBe(400);
  expect((await client.post('api/actions', { appId, openid, action: { kind: 'fly' } })).status).toBe(400);
  expect((await client.post('api/troubles', { kind: 'copies', copies: 1e9 })).status).toBe(400);
  expect((await client.post('api/users', { appId, name: ' ' })).status).toBe(400);
  expect((await client.post('api/users', { appId, name: 'x'.repeat(200_000) })).status).toBe(413);
  expect((await client.post('api/nothing', {})).status).toBe(404);
});

test.each<[string, Record<string, string>, number]>([
  ['another name for this machine', { host: 'evil.example' }, 403],
  ['another page’s script', { origin: 'https://evil.example' }, 403],
  ['a page of another port', { origin: 'http://127.0.0.1:1' }, 403],
  ['a page without an origin', { origin: 'null' }, 403],
  ['another page’s picture', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
  ['a link on another page', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 200],
  ['localhost', { host: 'localhost:8080', origin: 'http://localhost:8080' }, 200],
])('%s', async (_who, headers, status) => {
  const simulator = await simulateAcknowledged({ phone });
  const url = `${simulator.phoneUrl}api/state`;
  const asked = await request(url, { headers });
  await asked.body.dump();
  expect(asked.statusCode).toBe(status);
  if (status === 200) return;
  const body = JSON.stringify({ appId: account.appId, name: 'x' });
  const posted = await request(`${simulator.phoneUrl}api/users`, { method: 'POST', body, headers });
  await posted.body.dump();
  expect(posted.statusCode).toBe(403);
  expect((await phoneOf(simulator).state()).users).toHaveLength(1);
});

test('nothing but the page is served, under a policy that lets no script of others in', async () => {
  const simulator = await simulateAcknowledged({ phone: { pageFolder: import.meta.dirname } });
  for (const name of [
    'phone.test.ts',
    'assets/../phone.test.ts',
    'assets%2f..%2fphone.test.ts',
    'assets/.env',
  ]) {
    const { statusCode, headers, body } = await request(`${simulator.phoneUrl}${name}`);
    await body.dump();
    expect(statusCode).toBe(404);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
  }
  const { statusCode, headers } = await request(`${simulator.apiBase}/phone`);
  expect({ statusCode, location: headers.location }).toEqual({ statusCode: 308, location: '/phone/' });
});

test('who listens gets all there is, then what changes, until the simulator ends', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const { body } = await request(`${simulator.phoneUrl}api/stream`);
  const heard: Change[] = [];
  const ended = (async () => {
    let text = '';
    for await (const chunk of body) {
      text += String(chunk);
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) heard.push(JSON.parse(event.replace(/^data: /, '')) as Change);
    }
  })().catch(() => undefined);
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  expect(heard[0]).toMatchObject({ kind: 'snapshot', snapshot: { users: [{ name: '我' }] } });
  await client.act({ kind: 'say', text: 'hi' });
  await vi.waitFor(() => expect(heard.filter(({ kind }) => kind === 'push')).toHaveLength(2));
  expect(heard.slice(1).map(({ kind }) => kind)).toEqual(['push', 'entry', 'user', 'push']);
  await client.trouble({ kind: 'copies', copies: 1 });
  await vi.waitFor(() => expect(heard.at(-1)).toMatchObject({ kind: 'troubles', troubles: { copies: 1 } }));
  await simulator.close();
  await ended;
});
