import { createHash } from 'node:crypto';
import { text as readText } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { signature } from '../../src/simulator/pushes/encrypt.js';
import {
  account,
  call,
  get,
  otherAccount,
  send,
  sendAs,
  sendsOf,
  simulate,
  simulateAcknowledged,
  stablePath,
  startWebhook,
  textTo,
  tokenOf,
  tokenRequest,
} from './support.js';

const two = { moreAccounts: [otherAccount] };

test('each account pushes with its own token, key, original id, mode and format', async () => {
  const seen: { query: Record<string, string>; body: string }[] = [];
  const webhookUrl = await startWebhook(async (incoming, response) => {
    const { searchParams } = new URL(incoming.url ?? '', 'http://x');
    seen.push({ query: Object.fromEntries(searchParams), body: await readText(incoming) });
    response.end();
  });
  const encodingAesKey = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
  const secure = { ...otherAccount, mode: 'secure', format: 'json', encodingAesKey } as const;
  const simulator = await simulate({ webhookUrl, moreAccounts: [secure] });
  const plain = await simulator.user('o1').say('hi');
  const encrypted = await simulator.user('o1', 'wx2').say('hi');
  expect([plain.appId, encrypted.appId]).toEqual(['wx1', 'wx2']);
  expect(seen[0]?.body).toContain('<ToUserName><![CDATA[gh_simulator]]></ToUserName>');
  expect(JSON.parse(seen[1]?.body ?? '')).toEqual({
    ToUserName: 'gh_wx2',
    Encrypt: encrypted.encrypted,
  });
  for (const [index, { token }] of [account, otherAccount].entries()) {
    const { timestamp = '', nonce = '', ...query } = seen[index]?.query ?? {};
    const joined = [token, timestamp, nonce].sort().join('');
    expect(query.signature).toBe(createHash('sha1').update(joined).digest('hex'));
    expect(query.msg_signature).toBe(
      index === 0 ? undefined : signature(token, timestamp, nonce, encrypted.encrypted ?? ''),
    );
  }
});

test('deliveries, notices and calls say which account they are about', async () => {
  const simulator = await simulateAcknowledged(two);
  const notices: string[] = [];
  simulator.onNotice(({ appId }) => notices.push(appId));
  for (const { appId } of [account, otherAccount]) await simulator.user('o1', appId).say('hi');
  expect(await send(simulator, textTo('o1', 'from wx1'))).toBe(0);
  expect(await sendAs(simulator, otherAccount, textTo('o1', 'from wx2'))).toBe(0);
  expect(simulator.delivered.map(({ appId, text }) => [appId, text])).toEqual([
    ['wx1', 'from wx1'],
    ['wx2', 'from wx2'],
  ]);
  expect(simulator.inboxOf('o1')).toHaveLength(2);
  expect(await simulator.waitForDelivered({ openid: 'o1', appId: 'wx2', count: 1 })).toHaveLength(1);
  await expect(
    simulator.waitForDelivered({ openid: 'o1', appId: 'wx2', count: 2 }, { timeoutMs: 1 }),
  ).rejects.toThrow('o1 should have 2 messages of wx2; after 1 ms, 1 had arrived: o1 "from wx2"');
  simulator.setWebhookUrl('http://127.0.0.1:9/', 'wx2');
  await simulator.user('o1', 'wx2').say('anybody?');
  expect(notices).toEqual(['wx2']);
  expect([simulator.user('o1').notices, simulator.user('o1', 'wx2').notices]).toEqual([0, 1]);
  expect(sendsOf(simulator).map(({ appId }) => appId)).toEqual(['wx1', 'wx2']);
});

test('a call tells its account by its token, even by one that is dead, and by nothing else', async () => {
  const simulator = await simulate();
  const path = `/cgi-bin/getcallbackip?access_token=${await tokenOf(simulator)}`;
  expect(await get(simulator, path)).toEqual({ ip_list: ['127.0.0.1'] });
  simulator.tokens.expire('wx1');
  expect(await get(simulator, path)).toMatchObject({ errcode: 40001 });
  expect(await get(simulator, '/cgi-bin/getcallbackip?access_token=stolen')).toMatchObject({
    errcode: 40001,
  });
  expect(simulator.calls.map(({ appId }) => appId)).toEqual([undefined, 'wx1', 'wx1', undefined]);
});

test('a fault for one account strikes its sends and its token calls, not another’s', async () => {
  const simulator = await simulate(two);
  simulator.faults.add({ appId: 'wx2', fault: { errcode: -1 } });
  simulator.faults.add({ appId: 'wx2', path: stablePath, fault: { errcode: 40164 } });
  expect(await call(simulator, stablePath, tokenRequest)).toHaveProperty('access_token');
  const request = { ...tokenRequest, appid: 'wx2', secret: otherAccount.appSecret };
  expect(await call(simulator, stablePath, request)).toMatchObject({ errcode: 40164 });
  expect(await send(simulator, textTo('o1', 'x'))).toBe(45015);
  expect(await sendAs(simulator, otherAccount, textTo('o1', 'x'))).toBe(-1);
  expect(await sendAs(simulator, otherAccount, textTo('o1', 'x'))).toBe(45015);
});

test('quotas are an account’s own, count what was refused for other reasons, and not a bad token', async () => {
  const simulator = await simulate(two);
  simulator.quotas.set({ perDay: 1 }, 'wx2');
  const text = textTo('oStranger', 'x');
  expect([await send(simulator, text), await send(simulator, text)]).toEqual([45015, 45015]);
  expect(await sendAs(simulator, otherAccount, text)).toBe(45015);
  expect(await sendAs(simulator, otherAccount, text)).toBe(45009);
  await call(simulator, '/cgi-bin/message/custom/send?access_token=stolen', text);
  const { quotas } = simulator;
  expect([quotas.used('wx1'), quotas.used('wx2'), quotas.used()]).toEqual([2, 2, 4]);
  quotas.set({});
  expect(await sendAs(simulator, otherAccount, text)).toBe(45015);
});

test('each account has a server check, tickets and tokens of its own', async () => {
  const simulator = await simulate(two);
  const echo = await startWebhook((incoming, response) =>
    response.end(new URL(incoming.url ?? '', 'http://x').searchParams.get('echostr')),
  );
  simulator.setWebhookUrl(echo, 'wx2');
  expect(await simulator.checkServer('wx2')).toMatchObject({ ok: true });
  await expect(simulator.checkServer()).rejects.toThrow('setWebhookUrl');
  const ticket = async (of: typeof account) =>
    (
      await get(
        simulator,
        `/cgi-bin/ticket/getticket?access_token=${await tokenOf(simulator, of)}&type=jsapi`,
      )
    ).ticket;
  const tickets = [await ticket(account), await ticket(otherAccount)];
  expect(tickets).toEqual(['wx1', 'wx2'].map(simulator.tickets.current));
  expect(new Set(tickets).size).toBe(2);
});

test('an app id that is there twice, or not at all, is a mistake', async () => {
  await expect(simulate({ moreAccounts: [account] })).rejects.toThrow('wx1');
  const simulator = await simulate(two);
  expect(() => simulator.setWebhookUrl('http://127.0.0.1:9/', 'wx3')).toThrow(
    'The simulator has no account wx3, only wx1, wx2',
  );
});
