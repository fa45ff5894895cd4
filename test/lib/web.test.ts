import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createWeb, type WebOutcome } from '../../src/lib/web.js';
import { startForwardProxy } from '../support/forward-proxy.js';

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function open(url: string, options: Partial<Parameters<typeof createWeb>[0]> = {}): Promise<WebOutcome> {
  const web = createWeb({ allowPrivateAddresses: false, ...options });
  onTestFinished(() => web.destroy());
  return web.open(url);
}

describe('a URL of the reply logic', () => {
  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://localhost/',
    'https://localhost/',
  ])('to a private address is refused before anything is sent: %s', async (url) => {
    expect(await open(url)).toEqual({
      kind: 'refused',
      problem: expect.stringContaining('which is no public address'),
    });
  });

  test.each(['file:///etc/passwd', 'ftp://example.com/', 'data:,hi', 'nonsense'])(
    'that is not http(s) is refused: %s',
    async (url) => {
      expect(await open(url, { allowPrivateAddresses: true })).toMatchObject({ kind: 'refused' });
    },
  );

  test('is opened, with what it is', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': 5 }).end('hello');
    });
    const outcome = await open(`${base}/a?b=c`, { allowPrivateAddresses: true });
    if (outcome.kind !== 'opened') throw new Error(outcome.problem);
    expect(outcome).toMatchObject({ contentType: 'image/png', length: 5 });
    expect(Buffer.concat(await outcome.body.toArray()).toString()).toBe('hello');
  });

  test('is followed through a redirect, but not for ever', async () => {
    const base = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect(await open(`${base}/3`, { allowPrivateAddresses: true })).toMatchObject({ kind: 'opened' });
    expect(await open(`${base}/9`, { allowPrivateAddresses: true })).toMatchObject({ kind: 'refused' });
  });

  test('that never answers is given up', async () => {
    const base = await serve(() => undefined);
    expect(await open(base, { allowPrivateAddresses: true, timeoutMs: 300 })).toMatchObject({
      kind: 'transient',
    });
  });

  test('whose server refuses the connection may work later', async () => {
    expect(await open('http://127.0.0.1:9/', { allowPrivateAddresses: true })).toMatchObject({
      kind: 'transient',
    });
  });
});

describe('a URL of the reply logic, where a proxy stands before the web', () => {
  const nowhere = async () => [];

  async function behindProxy(listener: RequestListener) {
    const base = await serve(listener);
    const proxy = await startForwardProxy({ port: Number(new URL(base).port) });
    const proxies = { http: proxy.url, https: proxy.url, none: '' };
    return { proxy, proxies };
  }

  test('is asked of the proxy, http as it is and https through a tunnel; names are resolved there', async () => {
    const { proxy, proxies } = await behindProxy((request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: '/new' }).end();
      else response.end('picture');
    });
    const options = { proxies, addressesOf: nowhere };
    const outcome = await open('http://img.example.test/old', options);
    if (outcome.kind !== 'opened') throw new Error(outcome.problem);
    expect(Buffer.concat(await outcome.body.toArray()).toString()).toBe('picture');
    // What answers there speaks no TLS.
    expect(await open('https://img.example.test/a.png', options)).toMatchObject({ kind: 'transient' });
    expect(proxy.asked).toEqual([
      'GET http://img.example.test/old',
      'GET http://img.example.test/new',
      'CONNECT img.example.test:443',
    ]);
  });

  test.each([
    'http://127.1/',
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data/',
    'https://[::ffff:10.0.0.1]/',
    'http://localhost/',
    'http://inner.example.test/',
    'http://img.example.test/leads-inside',
  ])('is refused without a word to the proxy where its address is inner: %s', async (url) => {
    const { proxy, proxies } = await behindProxy((request, response) => {
      if (request.url === '/leads-inside') response.writeHead(302, { location: 'http://10.0.0.9/' }).end();
      else response.end('secret');
    });
    const addressesOf = async (host: string) =>
      ({ 'inner.example.test': ['8.8.8.8', '10.0.0.8'], localhost: ['127.0.0.1'] })[host] ?? [];
    expect(await open(url, { proxies, addressesOf })).toEqual({
      kind: 'refused',
      problem: expect.stringContaining('which is no public address'),
    });
    expect(proxy.asked).toEqual(url.endsWith('inside') ? [`GET ${url}`] : []);
  });
});
