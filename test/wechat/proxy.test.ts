import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Proxies } from '../../src/lib/proxies.js';
import { createClient, type WeChatClient } from '../../src/wechat/out/client.js';
import type { HttpOptions } from '../../src/wechat/out/http.js';
import { type ForwardProxyOptions, startForwardProxy } from '../support/forward-proxy.js';
import { runCommand } from '../support/processes.js';
import { newAccount, startTestSimulator, testSettings } from '../support/service.js';
import { scratchDirectory } from '../support/temporary-directory.js';

const hello = { msgtype: 'text', text: { content: '你好' } } as const;

async function setScene(proxyOptions: Partial<ForwardProxyOptions> = {}) {
  const account = newAccount();
  const simulator = await startTestSimulator(account);
  onTestFinished(() => simulator.close());
  const proxy = await startForwardProxy({ port: Number(new URL(simulator.apiBase).port), ...proxyOptions });
  return { account, simulator, proxy };
}

function clientOf(proxies: Partial<Proxies>, options: Partial<HttpOptions> = {}): WeChatClient {
  const all = { http: '', https: '', none: '', ...proxies };
  const client = createClient({ apiBase: 'http://api.wechat.test', proxies: all, ...options });
  onTestFinished(() => client.destroy());
  return client;
}

describe('calls to WeChat', () => {
  test('go through the proxy that is set, over connections that are kept, and it resolves the name', async () => {
    const { account, proxy } = await setScene();
    const client = clientOf({ http: proxy.url.replace('//', '//me:p%40ss@') }, { connections: 1 });
    const { value } = await client.fetchToken(account, { forceRefresh: false });
    expect(await client.sendMessage(value, 'oNobody', hello)).toMatchObject({ kind: 'refused' });
    expect(proxy.asked).toEqual(['CONNECT api.wechat.test:80']);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from('me:p@ss').toString('base64')}`]);
  });

  test.each(['wechat.test', '.wechat.test', 'other.example, api.wechat.test:80', '*'])(
    'go past it where NO_PROXY says so: %s',
    async (none) => {
      const { proxy } = await setScene();
      const client = clientOf({ http: proxy.url, none });
      expect(await client.sendMessage('token', 'oAnna', hello)).toMatchObject({ kind: 'transient' });
      expect(proxy.asked).toEqual([]);
    },
  );

  test('on loopback never go through it', async () => {
    const { account, simulator, proxy } = await setScene();
    const client = clientOf({ http: proxy.url }, { apiBase: simulator.apiBase });
    await client.fetchToken(account, { forceRefresh: false });
    expect(proxy.asked).toEqual([]);
  });

  test.each([
    [407, 'Proxy response (407)'],
    ['hang up', ''],
    ['silent', ''],
  ] as const)(
    'may be tried again when the proxy does not let them through: %s',
    async (tunnel, words) => {
      const { proxy } = await setScene({ tunnel });
      const client = clientOf({ http: proxy.url }, { connectTimeoutMs: 500, responseTimeoutMs: 500 });
      expect(await client.sendMessage('token', 'oAnna', hello)).toMatchObject({
        kind: 'transient',
        errmsg: expect.stringContaining(words),
      });
      expect(proxy.asked).toHaveLength(1);
    },
    10_000,
  );

  test('say that it was the proxy that could not be reached, without its password', async () => {
    const outcome = await clientOf({ http: 'http://me:hunter2@127.0.0.1:9' }).sendMessage(
      't',
      'oAnna',
      hello,
    );
    expect(outcome).toMatchObject({
      kind: 'transient',
      errmsg: expect.stringMatching(/proxy.*127\.0\.0\.1:9.*ECONNREFUSED/),
    });
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });

  test('are not written when their leave is gone while the tunnel is made', async () => {
    const { simulator, proxy } = await setScene();
    const client = clientOf({ http: proxy.url });
    const outcome = await client.sendMessage('token', 'oAnna', hello, { mayWrite: () => false });
    expect(outcome).toMatchObject({ kind: 'transient', unwritten: true });
    expect(proxy.asked).toHaveLength(1);
    expect(simulator.calls).toEqual([]);
  });
});

/** TLS in front of a server on loopback, with a certificate of its own making. */
async function startTls(port: number, name: string): Promise<{ port: number; certificate: string }> {
  const directory = scratchDirectory();
  const [key, certificate] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'].concat([
      '-keyout',
      key,
      '-out',
      certificate,
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=DNS:${name}`,
    ]),
    { stdio: 'ignore' },
  );
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) });
  server.removeAllListeners('request');
  server.on('secureConnection', (socket) => {
    const upstream = connect(port, '127.0.0.1');
    socket.pipe(upstream).pipe(socket);
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, certificate };
}

test('HTTPS_PROXY leads the commands to WeChat over TLS', async () => {
  const account = newAccount();
  const simulator = await startTestSimulator(account);
  onTestFinished(() => simulator.close());
  const tls = await startTls(Number(new URL(simulator.apiBase).port), 'api.wechat.test');
  const proxy = await startForwardProxy({ port: tls.port });
  const doctor = runCommand(['doctor', '--json'], {
    ...testSettings({ account, simulator, databaseUrl: 'postgres://x@127.0.0.1:9/none' }),
    WECHAT_API_BASE: 'https://api.wechat.test',
    https_proxy: proxy.url.replace('http://', ''),
    NO_PROXY: 'static.example.com',
    NODE_EXTRA_CA_CERTS: tls.certificate,
  });
  await doctor.exited;
  const findings = JSON.parse(doctor.lines.join('\n')) as { level: string; what: string; found: string }[];
  expect(findings).toContainEqual(expect.objectContaining({ level: 'ok', what: 'API' }));
  expect(findings).toContainEqual(expect.objectContaining({ level: 'ok', what: 'token' }));
  expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT api.wechat.test:443']));
}, 60_000);

test('WECHAT_API_IP_FAMILY chooses the addresses that calls go to', async () => {
  const { account, simulator } = await setScene();
  // It listens at an address of IPv4 alone.
  const apiBase = simulator.apiBase.replace('127.0.0.1', 'localhost');
  const ask = async (ipFamily: 4 | 6 | 'auto') => {
    const client = createClient({ apiBase, ipFamily });
    onTestFinished(() => client.destroy());
    return client.fetchToken(account, { forceRefresh: false });
  };
  expect(await ask('auto')).toMatchObject({ value: expect.any(String) });
  expect(await ask(4)).toMatchObject({ value: expect.any(String) });
  await expect(ask(6)).rejects.toThrow(/ENOTFOUND|EAI_|ECONNREFUSED|ENETUNREACH|EADDRNOTAVAIL/);
});
