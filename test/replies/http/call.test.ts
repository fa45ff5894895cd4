import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type HttpReplies, httpSource } from '../../../src/replies/http/source.js';
import type { ReplyContext } from '../../../src/replies/router.js';
import { SourceError, type SourceServices } from '../../../src/replies/source.js';
import { secret, startBackEnd } from '../../support/back-end.js';
import { startForwardProxy } from '../../support/forward-proxy.js';
import { textMessage } from '../../support/messages.js';
import { replyContext } from '../../support/reply-context.js';
import { sourceServices } from '../../support/sources.js';

const defaults: HttpReplies = {
  timeoutMs: 5_000,
  allowPrivateAddresses: true,
  turns: 0,
  callbackUrl: undefined,
  callbackWaitMs: 60_000,
};

async function open(url: string, options: Partial<HttpReplies> = {}, services: Partial<SourceServices> = {}) {
  const source = await httpSource(url, { ...defaults, ...options }).open(
    // Without callbacks nothing is stored.
    sourceServices({ httpReplySecrets: [secret], ...services }),
  );
  onTestFinished(() => source.close());
  const ask = (given: Partial<ReplyContext> = {}) =>
    source.answer(replyContext(textMessage({ openid: 'o1', content: '你好' }), given));
  const failure = async (given: Partial<ReplyContext> = {}): Promise<SourceError> => {
    const error = await Promise.resolve(ask(given)).catch((thrown: unknown) => thrown);
    if (error instanceof SourceError) return error;
    throw new Error(`no failure of the source: ${String(error)}`);
  };
  return { source, ask, failure };
}

describe('a call of a back end', () => {
  test('says all there is to know of the message, and is signed', async () => {
    const backEnd = await startBackEnd(() => ({ status: 200, json: 'hi' }));
    const { ask } = await open(backEnd.url, { turns: 3 });
    const at = new Date('2026-01-02T03:04:05Z');
    const result = await ask({
      messageId: '42',
      requestId: 'request-1',
      window: { endsAt: at, quota: 5 },
      history: async ({ turns }) => [
        { from: 'user', at, type: 'text', text: `one of ${turns}`, agent: undefined, messageId: '41' },
      ],
    });
    expect(result).toEqual([{ type: 'text', content: 'hi' }]);
    const [{ headers, body }] = backEnd.requests as [(typeof backEnd.requests)[0]];
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'webhook-id': 'msg_wx1_42',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
    expect(body).toEqual({
      type: 'message',
      id: 'msg_wx1_42',
      messageId: '42',
      requestId: 'request-1',
      account: { appId: 'wx1', name: '测试号' },
      message: expect.objectContaining({ kind: 'text', openid: 'o1', content: '你好' }),
      messages: [body.message],
      window: { endsAt: '2026-01-02T03:04:05.000Z', quota: 5 },
      history: [
        {
          from: 'user',
          at: '2026-01-02T03:04:05.000Z',
          type: 'text',
          messageId: '41',
          text: 'one of 3',
          agent: null,
        },
      ],
      callback: null,
    });
  });

  test('has the same id and trace however often a message is asked about, and a time of its own', async () => {
    const backEnd = await startBackEnd(() => ({ status: 204 }));
    let now = Date.now() - 60_000;
    const { ask } = await open(backEnd.url, {}, { clock: () => new Date(now) });
    await ask({ messageId: '7', requestId: 'request-7' });
    now += 60_000;
    await ask({ messageId: '7', requestId: 'request-7' });
    const [one, other] = backEnd.requests.map(({ headers }) => headers);
    expect(one?.['webhook-id']).toBe(other?.['webhook-id']);
    expect(String(one?.traceparent).slice(0, 35)).toBe(String(other?.traceparent).slice(0, 35));
    expect(one?.traceparent).not.toBe(other?.traceparent);
    expect(Number(other?.['webhook-timestamp']) - Number(one?.['webhook-timestamp'])).toBe(60);
  });

  test('is signed by the secret before the current one as well, while it changes', async () => {
    const next = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    for (const known of [secret, next]) {
      const backEnd = await startBackEnd(() => ({ status: 204 }), known);
      const { ask } = await open(backEnd.url, {}, { httpReplySecrets: [next, secret] });
      expect(await ask()).toEqual([]);
      expect(String(backEnd.requests[0]?.headers['webhook-signature']).split(' ')).toHaveLength(2);
    }
    const other = await startBackEnd(() => ({ status: 204 }), next);
    const { failure } = await open(other.url);
    expect(await failure()).toMatchObject({ retry: 'never', message: expect.stringContaining('401') });
  });

  test('uses connections that are kept, and makes another where one is gone', async () => {
    const backEnd = await startBackEnd(() => ({ status: 204 }));
    const { ask } = await open(backEnd.url);
    for (let count = 0; count < 20; count += 1) await ask();
    const { size } = backEnd.ports;
    // A connection may not be free again when the next call begins.
    expect(size).toBeLessThanOrEqual(3);
    backEnd.server.closeAllConnections();
    for (let count = 0; count < 20; count += 1) await ask();
    expect(backEnd.ports.size).toBeGreaterThan(size);
    expect(backEnd.ports.size).toBeLessThanOrEqual(6);
  });

  test('goes through the proxy of the environment', async () => {
    const backEnd = await startBackEnd(() => ({ status: 200, json: 'by proxy' }));
    const proxy = await startForwardProxy({ port: Number(new URL(backEnd.url).port) });
    const proxies = { http: proxy.url, https: '', none: '' };
    const { ask } = await open('http://back-end.example/reply', {}, { proxies });
    expect(await ask()).toEqual([{ type: 'text', content: 'by proxy' }]);
    expect(proxy.asked).toEqual(['POST http://back-end.example/reply']);
  });
});

const reply = { type: 'text', content: 'hi' };

describe('the answer of a back end', () => {
  test.each([
    ['a string', 'hi', [reply]],
    ['a reply', reply, [reply]],
    ['a list', ['hi', reply, null, ''], [reply, reply]],
    ['a list in an object', { replies: ['hi'] }, [reply]],
    ['one reply in an object', { replies: 'hi' }, [reply]],
    ['null', null, []],
    ['an empty list', [], []],
    ['an object without replies', { handOver: null }, []],
    ['an escape of half a character', 'hi\ud83d', [{ type: 'text', content: 'hi\ufffd' }]],
  ])('may be %s', async (_what, json, expected) => {
    const backEnd = await startBackEnd(() => ({ status: 200, json }));
    const { ask } = await open(backEnd.url);
    expect(await ask()).toEqual(expected);
  });

  test('that is 204 is nothing to say, which ends the turn of the sources', async () => {
    const backEnd = await startBackEnd(() => ({ status: 204 }));
    const { ask } = await open(backEnd.url);
    expect(await ask()).toEqual([]);
  });

  test('may leave the message to the next source', async () => {
    const backEnd = await startBackEnd(() => ({ status: 200, json: { next: true } }));
    const { ask } = await open(backEnd.url);
    expect(await ask()).toBeUndefined();
  });

  test('may ask for a person beside what it says', async () => {
    const backEnd = await startBackEnd(() => ({
      status: 200,
      json: { replies: 'one moment', handOver: 'wants a refund' },
    }));
    const { ask } = await open(backEnd.url);
    const reasons: string[] = [];
    expect(await ask({ handOver: (reason) => reasons.push(reason) })).toEqual([
      { type: 'text', content: 'one moment' },
    ]);
    expect(reasons).toEqual(['wants a refund']);
  });

  test.each([
    ['no JSON', { text: '<html>' }, /the answer is no JSON/],
    ['empty', { text: '' }, /204 is nothing to say/],
    ['a reply without what it needs', { json: { type: 'news', articles: [] } }, /reply 1 \(news\): articles/],
    ['of an unknown type', { json: ['a', { type: 'sms' }] }, /reply 2 has the unknown type "sms"/],
    ['an object with something else', { json: { reply: 'hi' } }, /the answer has reply/],
    ['next, and more', { json: { next: true, replies: 'hi' } }, /nothing may stand beside it/],
    ['a file of this machine', { json: { type: 'image', media: { file: '/etc/passwd' } } }, /media\.file/],
    ['a reason that is none', { json: { replies: 'a', handOver: ' ' } }, /the reason is empty/],
    ['too long a text', { json: 'x'.repeat(70_000) }, /at most 65,536/],
  ])('that is %s is refused with what is wrong', async (_what, how, problem) => {
    const backEnd = await startBackEnd(() => ({ status: 200, ...how }));
    const { ask } = await open(backEnd.url);
    await expect(ask()).rejects.toThrow(problem);
  });
});

describe('a back end that does not answer', () => {
  test.each([400, 401, 403, 404, 405, 409, 410, 413, 422, 301, 302])(
    'but with %i is not asked again',
    async (status) => {
      const headers = { location: 'http://127.0.0.1:1/' };
      const backEnd = await startBackEnd(() => ({ status, text: 'no such\n  thing', headers }));
      const { failure } = await open(backEnd.url);
      const { retry, message } = await failure();
      expect(retry).toBe('never');
      expect(message).toBe(`${backEnd.url} responded with ${status}: no such thing`);
      expect(backEnd.requests).toHaveLength(1);
    },
  );

  test.each([408, 425, 429, 500, 502, 503, 504])('but with %i is asked again', async (status) => {
    const backEnd = await startBackEnd(() => ({ status }));
    const { failure } = await open(backEnd.url);
    expect(await failure()).toMatchObject({ retry: 'outage', retryAfterMs: 0 });
  });

  test.each([
    ['7', 7_000, 7_000],
    [new Date(Date.now() + 90_000).toUTCString(), 60_000, 91_000],
    ['soon', 0, 0],
  ])('now says when: Retry-After: %s', async (after, least, most) => {
    const backEnd = await startBackEnd(() => ({ status: 429, headers: { 'retry-after': after } }));
    const { failure } = await open(backEnd.url);
    const { retryAfterMs } = await failure();
    expect(retryAfterMs).toBeGreaterThanOrEqual(least);
    expect(retryAfterMs).toBeLessThanOrEqual(most);
  });

  test('within the time limit of a call is asked again', async () => {
    const backEnd = await startBackEnd(() => undefined);
    const { failure } = await open(backEnd.url, { timeoutMs: 100 });
    expect(await failure()).toMatchObject({
      retry: 'outage',
      message: expect.stringContaining('it took longer than 100 ms'),
    });
  });

  test('to its end within the time limit is asked again', async () => {
    const backEnd = await startBackEnd(async (_request, response) => {
      response.writeHead(200).write('"h');
      await sleep(20);
      return undefined;
    });
    const { failure } = await open(backEnd.url, { timeoutMs: 150 });
    expect(await failure()).toMatchObject({ retry: 'outage' });
  });

  test('because nobody listens is asked again', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const { failure } = await open(`http://127.0.0.1:${port}/reply`);
    expect(await failure()).toMatchObject({
      retry: 'outage',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('but talks without end is read no further', async () => {
    const backEnd = await startBackEnd(() => ({ status: 200, text: `"${'x'.repeat(400_000)}"` }));
    const { failure } = await open(backEnd.url);
    expect(await failure()).toMatchObject({ retry: 'never', message: expect.stringContaining('262,144') });
  });

  test('before the reply logic as a whole is broken off ends by its reason', async () => {
    const backEnd = await startBackEnd(() => undefined);
    const { ask } = await open(backEnd.url);
    const stopping = new AbortController();
    const asked = ask({ signal: stopping.signal });
    stopping.abort(new Error('it stops'));
    await expect(asked).rejects.toThrow('it stops');
  });

  test('later (202) has to be reachable for the callback', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { failure } = await open(backEnd.url);
    expect(await failure()).toMatchObject({
      retry: 'never',
      message: expect.stringContaining('REPLIES_CALLBACK_URL is not set'),
    });
  });
});

test.each(['http://127.0.0.1:9/', 'http://localhost:9/', 'http://[::1]:9/', 'http://169.254.169.254/'])(
  'a back end in the own network is not asked, unless that is set: %s',
  async (url) => {
    const { failure } = await open(url, { allowPrivateAddresses: false });
    expect(await failure()).toMatchObject({
      retry: 'never',
      message: expect.stringContaining('REPLIES_HTTP_PRIVATE'),
    });
  },
);
