import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createClient, type WeChatClient } from '../../src/wechat/out/client.js';
import { TokenError } from '../../src/wechat/out/errors.js';

const token = '72_Aa-b_c0123456789';
const secret = '0123456789abcdef0123456789abcdef';
const account = { appId: 'wx1', appSecret: secret, accessTokenMode: 'stable' as const };
const payload = { msgtype: 'text', text: { content: 'hi' } };

/** A server that responds as told, and a client of it. */
async function apiThatResponds(
  content: string | Buffer | ((response: ServerResponse) => void),
  { status = 200, connections = 4 } = {},
): Promise<{ client: WeChatClient; requests: string[]; sockets(): number }> {
  const requests: string[] = [];
  let sockets = 0;
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    request.resume();
    if (typeof content === 'function') content(response);
    else response.writeHead(status).end(content);
  });
  server.on('connection', () => {
    sockets += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createClient({
    apiBase: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
  });
  onTestFinished(async () => {
    await client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { client, requests, sockets: () => sockets };
}

async function sendTo(content: string | Buffer, options?: { status?: number }) {
  const { client } = await apiThatResponds(content, options);
  return client.sendMessage(token, 'oUser', payload);
}

describe('what says success is success', () => {
  test.each<[string, string | Buffer]>([
    ['as WeChat writes it', '{"errcode":0,"errmsg":"ok"}'],
    ['behind a byte order mark', '\uFEFF{"errcode":0,"errmsg":"ok"}'],
    ['behind two', '\uFEFF\uFEFF {"errcode":0,"errmsg":"ok"}'],
    ['between blanks', '\r\n  {"errcode":0,"errmsg":"ok"}\n\n'],
    ['before NULs', '{"errcode":0,"errmsg":"ok"}\0\0\n'],
    ['with its code in quotes', '{"errcode":"0","errmsg":"ok"}'],
    ['without a code', '{"errmsg":"ok"}'],
    ['with more than we know', '{"errcode":0,"errmsg":"ok","msgid":9223372036854775807,"x":[1]}'],
  ])('%s', async (_name, content) => {
    expect(await sendTo(content)).toEqual({ kind: 'sent', httpStatus: 200, errmsg: 'ok' });
  });

  test('and a refusal is one, its code in quotes or not', async () => {
    for (const code of ['45015', '"45015"', '" 45015 "']) {
      expect(await sendTo(`\uFEFF{"errcode":${code},"errmsg":"late rid: 1"}`)).toEqual({
        kind: 'refused',
        httpStatus: 200,
        errcode: 45015,
        errmsg: 'late rid: 1',
        errorClass: 'window',
      });
    }
  });

  test.each([
    ['as WeChat writes it', `{"access_token":"${token}","expires_in":7200}`],
    ['with its time in quotes', `\uFEFF{"access_token":"${token}","expires_in":"7200"}`],
    ['with a code of success', `{"errcode":"0","access_token":"${token}","expires_in":"7200"}`],
  ])('a token %s', async (_name, content) => {
    const { client } = await apiThatResponds(content);
    expect(await client.fetchToken(account, { forceRefresh: false })).toEqual({
      value: token,
      expiresInSeconds: 7_200,
    });
  });

  test.each(['soon', '', '0', '-1', 'null', '[]'])('but no token without a time: %j', async (time) => {
    const { client } = await apiThatResponds(`{"access_token":"${token}","expires_in":"${time}"}`);
    await expect(client.fetchToken(account, { forceRefresh: false })).rejects.toMatchObject({
      errorClass: 'transient',
      errcode: undefined,
    });
  });

  test('a typing indicator has its code as a number', async () => {
    const { client } = await apiThatResponds('{"errcode":"45081","errmsg":"already typing"}');
    expect(await client.setTyping(token, 'oUser', 'Typing')).toBe(45081);
  });
});

describe('what cannot be read', () => {
  test.each([
    ['an empty body', ''],
    ['blanks', ' \n'],
    ['a page', '<!DOCTYPE html><html><body>Welcome</body></html>'],
    ['JSON that is cut', '{"errcode":0,"errm'],
    ['a list', '[]'],
    ['a string', '"ok"'],
    ['null', 'null'],
    ['an object of another kind', '{"status":"fine"}'],
    ['a code that is none', '{"errcode":"none","errmsg":"ok"}'],
    ['a code that is null', '{"errcode":null}'],
    ['a code that is a list', '{"errcode":[0]}'],
    ['more than any response of WeChat’s', `"${'x'.repeat(1_100_000)}"`],
  ])(
    'leaves it unknown whether the message was sent, and says that there was a response: %s',
    async (_name, body) => {
      expect(await sendTo(body)).toMatchObject({
        kind: 'unknown',
        unreadable: true,
        errmsg: expect.stringMatching(/./),
      });
    },
  );

  test('was not carried out when the status is that of a failure', async () => {
    expect(await sendTo('<html>no</html>', { status: 404 })).toMatchObject({
      kind: 'transient',
      httpStatus: 404,
    });
    expect(await sendTo('', { status: 502 })).toMatchObject({ kind: 'transient', httpStatus: 502 });
  });

  test.each([301, 302, 307])('was not carried out when it leads elsewhere: %i', async (status) => {
    expect(await sendTo('<html>moved</html>', { status })).toMatchObject({
      kind: 'transient',
      httpStatus: status,
    });
  });

  test('is no response when the connection ends before it', async () => {
    const { client } = await apiThatResponds((response) => response.socket?.resetAndDestroy());
    const outcome = await client.sendMessage(token, 'oUser', payload);
    expect(outcome).toMatchObject({ kind: 'unknown' });
    expect(outcome).not.toHaveProperty('unreadable');
  });
});

describe('the texts of others hold no secret of ours', () => {
  const quoting = [
    `Bad gateway: POST /cgi-bin/message/custom/send?access_token=${token}`,
    `<a href="https://x/cgi-bin/message/custom/send?access_token=${token}&amp;x=1">`,
    `redirect to %2Fsend%3Faccess_token%3D${token}%26x`,
    `the token ${token} is not valid`,
    `{"access_token":"${token}"}`,
    `{\\"access_token\\":\\"${token}\\"}`,
  ];

  test.each(quoting)('in a page: %s', async (text) => {
    for (const status of [200, 400]) {
      const outcome = await sendTo(text, { status });
      expect(JSON.stringify(outcome)).not.toContain(token);
    }
  });

  test.each(quoting)('in a refusal: %s', async (text) => {
    const outcome = await sendTo(JSON.stringify({ errcode: 40001, errmsg: `${text} rid: 62b-1` }));
    expect(outcome).toMatchObject({ kind: 'refused', errmsg: expect.stringContaining('rid: 62b-1') });
    expect(JSON.stringify(outcome)).not.toContain(token);
  });

  test('in a page that quotes the request for a token', async () => {
    for (const mode of ['stable', 'classic'] as const) {
      const { client } = await apiThatResponds(
        `<pre>{"appid":"wx1","secret":"${secret}"} secret=${secret}, ${secret}</pre>`,
      );
      const error = await client
        .fetchToken({ ...account, accessTokenMode: mode }, { forceRefresh: false })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TokenError);
      expect(`${(error as TokenError).message} ${(error as TokenError).errmsg}`).not.toContain(secret);
    }
  });

  test('also where the page is cut in the middle of one', async () => {
    for (let before = 150; before < 220; before += 1) {
      const outcome = await sendTo(`${'x'.repeat(before)} access_token=${token}`);
      expect(JSON.stringify(outcome)).not.toContain(token.slice(0, 6));
    }
  });
});

test('a refusal of any length is kept to what can be read', async () => {
  const outcome = await sendTo(JSON.stringify({ errcode: 40035, errmsg: `long ${'x'.repeat(900_000)}` }));
  expect(outcome).toMatchObject({ kind: 'refused', errmsg: expect.stringMatching(/^long x{900,995}$/) });
});

test('what is sent has no half of a character, which JSON could only write as \\uXXXX', async () => {
  let body = '';
  const { client } = await apiThatResponds((response) => {
    response.req.on('data', (chunk) => {
      body += chunk;
    });
    response.req.on('end', () => response.end('{"errcode":0,"errmsg":"ok"}'));
  });
  const cut = '好的😀'.slice(0, 3);
  expect(await client.sendMessage(token, 'oUser', { msgtype: 'text', text: { content: cut } })).toMatchObject(
    {
      kind: 'sent',
    },
  );
  expect(body).toBe('{"touser":"oUser","msgtype":"text","text":{"content":"好的\uFFFD"}}');
});

describe('a call that may not be written', () => {
  test('is not, and its connection goes on', async () => {
    const { client, requests, sockets } = await apiThatResponds('{"errcode":0,"errmsg":"ok"}', {
      connections: 1,
    });
    expect(await client.sendMessage(token, 'oUser', payload)).toMatchObject({ kind: 'sent' });
    const outcome = await client.sendMessage(token, 'oUser', payload, { mayWrite: () => false });
    expect(outcome).toMatchObject({ kind: 'transient', unwritten: true });
    expect(await client.sendMessage(token, 'oUser', payload, { mayWrite: () => true })).toMatchObject({
      kind: 'sent',
    });
    expect(requests).toHaveLength(2);
    expect(sockets()).toBe(1);
  });

  test('is asked about when its turn comes, not when it queues', async () => {
    const waiting: ServerResponse[] = [];
    const { client, requests } = await apiThatResponds((response) => waiting.push(response), {
      connections: 1,
    });
    const first = client.sendMessage(token, 'oUser', payload);
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    let asked = 0;
    const second = client.sendMessage(token, 'oUser', payload, {
      mayWrite() {
        asked += 1;
        return false;
      },
    });
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(0);
    waiting[0]?.end('{"errcode":0,"errmsg":"ok"}');
    expect(await first).toMatchObject({ kind: 'sent' });
    expect(await second).toMatchObject({ kind: 'transient', unwritten: true });
    expect({ asked, requests: requests.length }).toEqual({ asked: 1, requests: 1 });
  });

  test('is not taken for one that found nobody at the other end', async () => {
    const client = createClient({ apiBase: 'http://127.0.0.1:1' });
    onTestFinished(() => client.destroy());
    const outcome = await client.sendMessage(token, 'oUser', payload, { mayWrite: () => true });
    expect(outcome).toMatchObject({ kind: 'transient' });
    expect(outcome).not.toHaveProperty('unwritten');
  });
});

describe('the quota of sends', () => {
  const quotaOf = async (answer: string) => {
    const { client, requests } = await apiThatResponds(answer);
    return { outcome: await client.fetchQuota(token), requests };
  };

  test('is read as WeChat tells it', async () => {
    const { outcome, requests } = await quotaOf(
      '{"errcode":0,"errmsg":"ok","quota":{"daily_limit":500000,"used":12,"remain":"499988"},"rate_limit":{}}',
    );
    expect(outcome).toEqual({ kind: 'told', quota: { daily: 500_000, used: 12, remaining: 499_988 } });
    expect(requests).toEqual([expect.stringMatching(/^\/cgi-bin\/openapi\/quota\/get\?access_token=/)]);
  });

  test('is not made up where there is none', async () => {
    expect((await quotaOf('{"errcode":76022,"errmsg":"not yours"}')).outcome).toMatchObject({
      ...{ kind: 'refused', errcode: 76022 },
    });
    expect((await quotaOf('{"errcode":0,"errmsg":"ok","quota":{"used":1}}')).outcome.kind).toBe('unknown');
  });
});
