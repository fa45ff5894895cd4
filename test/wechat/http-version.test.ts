import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createWeb } from '../../src/lib/web.js';
import { createHttp } from '../../src/wechat/out/http.js';

/** What a client says first over TLS, before anything is encrypted: it lists the protocols that it would speak. */
async function firstBytes(ask: (base: string) => Promise<unknown>): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const asked = ask(`https://127.0.0.1:${port}`);
  const [socket] = await once(server, 'connection');
  const [bytes] = await once(socket, 'data');
  socket.destroy();
  await asked;
  return bytes.toString('latin1');
}

// Over HTTP/2 the messages to many users would share one connection, and the loss of it.
test.each([
  ["WeChat's API", (apiBase: string) => createHttp({ apiBase }).post('/cgi-bin/message/custom/send', '{}')],
  [
    'files of the web',
    (base: string) => createWeb({ allowPrivateAddresses: true }).open(`${base}/picture.png`),
  ],
])('%s: HTTP/1.1 alone is offered', async (_name, ask) => {
  const hello = await firstBytes(ask);
  expect(hello).toContain('\x08http/1.1');
  expect(hello).not.toContain('\x02h2');
});
