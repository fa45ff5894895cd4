import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createWeChatCall, InvalidCallError, type WeChatRequest } from '../../src/accounts/wechat-call.js';
import { createClient } from '../../src/wechat/out/client.js';
import { TokenError } from '../../src/wechat/out/errors.js';

const account = { appId: 'wx1', appSecret: 's'.repeat(32), accessTokenMode: 'stable' as const };
const first = 'token-number-one';
const second = 'token-number-two';

interface Seen {
  method: string;
  url: string;
  body: string;
}

interface Given {
  /** What the API responds, call by call; the last one stays. Undefined: nothing. */
  responses: readonly (string | undefined)[];
  status?: number;
  get?: () => Promise<string>;
}

/** An API that responds as told, and what calls it. */
async function stage({ responses, status = 200, get = async () => first }: Given) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({
      method: String(request.method),
      url: String(request.url),
      body: Buffer.concat(chunks).toString(),
    });
    const text = responses[Math.min(seen.length, responses.length) - 1];
    if (text !== undefined) response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createClient({ apiBase: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  onTestFinished(async () => {
    await client.destroy();
    server.closeAllConnections();
    server.close();
  });
  const replaced: string[] = [];
  const wechatCall = createWeChatCall({
    clientOf: () => client,
    tokens: {
      get,
      async replace(_account, failed) {
        replaced.push(failed);
        return second;
      },
    },
  });
  const signal = new AbortController().signal;
  return {
    seen,
    replaced,
    call: (request: WeChatRequest, of = signal) => wechatCall(account, request, of),
  };
}

const info = { method: 'GET', path: '/cgi-bin/user/info?openid=oAnna' } as const;
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a call of any API', () => {
  test('carries the token behind its own query, and gives what WeChat responds', async () => {
    const { call, seen } = await stage({ responses: ['{"subscribe":1,"tagid_list":[1,2]}'] });
    expect(await call(info)).toEqual({ subscribe: 1, tagid_list: [1, 2] });
    expect(seen).toEqual([
      { method: 'GET', url: `/cgi-bin/user/info?openid=oAnna&access_token=${first}`, body: '' },
    ]);
  });

  test('sends its body as raw UTF-8', async () => {
    const { call, seen } = await stage({ responses: ['{"errcode":0,"errmsg":"ok"}'] });
    await call({ method: 'POST', path: '/cgi-bin/tags/create', body: { tag: { name: '会员 😀' } } });
    await call({ method: 'POST', path: '/cgi-bin/menu/清' });
    expect(seen).toMatchObject([
      { url: `/cgi-bin/tags/create?access_token=${first}`, body: '{"tag":{"name":"会员 😀"}}' },
      { url: `/cgi-bin/menu/%E6%B8%85?access_token=${first}`, body: '{}' },
    ]);
  });

  test.each<[string, string, unknown]>([
    [
      'ids that a double cannot hold',
      '{"msgid":3662956322040938501,"n":12}',
      { msgid: '3662956322040938501', n: 12 },
    ],
    ['control characters in a text', '{"nickname":"a\u0010b\nc"}', { nickname: 'a\u0010b\nc' }],
    ['a byte order mark and NULs', '\uFEFF{"errcode":0}\0', { errcode: 0 }],
    [
      'its code in quotes',
      '{"errcode":"0","a":"12345678901234567890"}',
      { errcode: '0', a: '12345678901234567890' },
    ],
  ])('reads a response with %s', async (_name, response, read) => {
    const { call } = await stage({ responses: [response] });
    expect(await call(info)).toEqual(read);
  });

  test('is made again with another token where WeChat refuses the first, and only once', async () => {
    const refusal = '{"errcode":40001,"errmsg":"invalid credential rid: 1-2-3"}';
    const { call, seen, replaced } = await stage({ responses: [refusal, '{"ok":1}', refusal] });
    expect(await call(info)).toEqual({ ok: 1 });
    expect(replaced).toEqual([first]);
    expect(seen.map(({ url }) => url.split('=').at(-1))).toEqual([first, second]);
    expect(await failureOf(call(info))).toMatchObject({ errcode: 40001, errorClass: 'token' });
    expect(seen).toHaveLength(4);
  });
});

describe('an error of a call', () => {
  test('has what WeChat said, the class of its code, and the id of the request', async () => {
    const { call } = await stage({
      responses: ['{"errcode":48001,"errmsg":"api unauthorized rid: 65ab-12cd-9"}'],
    });
    expect(await failureOf(call(info))).toMatchObject({
      name: 'WeChatCallError',
      code: 'WECHAT_CALL',
      outcome: 'refused',
      errcode: 48001,
      errorClass: 'account',
      rid: '65ab-12cd-9',
      message: '/cgi-bin/user/info: 48001 api unauthorized rid: 65ab-12cd-9',
    });
  });

  test.each<[string, Given, object]>([
    [
      'a code that nobody knows',
      { responses: ['{"errcode":1234567,"errmsg":"?"}'] },
      { outcome: 'refused', errorClass: undefined, rid: undefined },
    ],
    [
      'HTTP 502',
      { responses: ['<html>'], status: 502 },
      { outcome: 'transient', errcode: undefined, errmsg: 'HTTP 502' },
    ],
    ['a page of something in between', { responses: ['<html>welcome</html>'] }, { outcome: 'unknown' }],
    ['a list', { responses: ['[1]'] }, { outcome: 'unknown' }],
    [
      'a response without an end',
      { responses: [`{"a":"${'x'.repeat(9_000_000)}"}`] },
      { outcome: 'unknown' },
    ],
  ])('says what came: %s', async (_name, given, error) => {
    const { call } = await stage(given);
    expect(await failureOf(call(info))).toMatchObject(error);
  });

  test('quotes no token', async () => {
    const { call } = await stage({ responses: [`no such page: ?access_token=${first}`] });
    const error = await failureOf(call(info));
    expect(String(error)).toContain('no such page');
    expect(String(error)).not.toContain(first);
    const refused = await stage({
      responses: [`{"errcode":40066,"errmsg":"invalid url: /x?access_token=${first} rid: 1"}`],
    });
    const refusal = await failureOf(refused.call(info));
    expect(String(refusal)).toContain('invalid url');
    expect(JSON.stringify(refusal) + String(refusal)).not.toContain(first);
  });

  test('tells why there is no token', async () => {
    const { call, seen } = await stage({
      responses: ['{}'],
      get: () => Promise.reject(new TokenError('account', 40125, 'invalid appsecret')),
    });
    expect(await failureOf(call(info))).toMatchObject({
      outcome: 'refused',
      errcode: 40125,
      errorClass: 'account',
      message: '/cgi-bin/user/info: 40125 no access token: invalid appsecret',
    });
    expect(seen).toEqual([]);
  });

  test('says that it may have been carried out, where it is broken off after it was written', async () => {
    const { call, seen } = await stage({ responses: [undefined] });
    const stop = new AbortController();
    const failed = failureOf(call({ method: 'POST', path: '/cgi-bin/menu/create' }, stop.signal));
    await expect.poll(() => seen.length).toBe(1);
    stop.abort(new Error('the time is over'));
    expect(await failed).toMatchObject({ outcome: 'unknown', errmsg: 'the time is over' });
  });

  test('says that it was not made, where the time was over before', async () => {
    const { call, seen } = await stage({ responses: ['{}'] });
    expect(await failureOf(call(info, AbortSignal.abort(new Error('the time is over'))))).toMatchObject({
      outcome: 'transient',
      errmsg: 'the time is over',
    });
    expect(seen).toEqual([]);
  });
});

test.each<[string, WeChatRequest]>([
  ['a path without its slash', { method: 'GET', path: 'cgi-bin/user/info' }],
  ['another host', { method: 'GET', path: '//example.com/cgi-bin/user/info' }],
  ['a whole address', { method: 'GET', path: 'https://example.com/' }],
  ['a fragment', { method: 'GET', path: '/cgi-bin/user/info#x' }],
  ['a token', { method: 'GET', path: '/cgi-bin/user/info?a=1&access_token=abc' }],
  ['a token by another spelling', { method: 'GET', path: '/cgi-bin/user/info?%61ccess_token=abc' }],
  ['what hands out tokens', { method: 'GET', path: '/x/../cgi-bin/token?grant_type=client_credential' }],
  ['what hands out stable ones', { method: 'POST', path: '/cgi-bin/stable_token' }],
  ['a GET with a body', { method: 'GET', path: '/cgi-bin/user/info', body: {} }],
  ['another method', { method: 'PUT' as 'POST', path: '/cgi-bin/user/info' }],
])('%s is refused before anything is called', async (_name, request) => {
  const { call, seen } = await stage({ responses: ['{}'] });
  await expect(call(request)).rejects.toThrow(InvalidCallError);
  expect(seen).toEqual([]);
});
