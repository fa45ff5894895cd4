import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy as companies have it: CONNECT for TLS, absolute URLs for http. Whatever host is asked for, `port` answers. */
export interface ForwardProxy {
  readonly url: string;
  /** What it was asked for, in order: `CONNECT api.example:443`, `GET http://img.example/a.png`. */
  readonly asked: string[];
  /** Each with the request that it came with. */
  readonly authorizations: (string | undefined)[];
}

export interface ForwardProxyOptions {
  /** On loopback: the server behind it. */
  port: number;
  /** How it answers CONNECT: it may refuse (a status), hang up, or never answer. */
  tunnel?: 'open' | 'hang up' | 'silent' | number;
}

export async function startForwardProxy({
  port,
  tunnel = 'open',
}: ForwardProxyOptions): Promise<ForwardProxy> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();

  function note({ method, url, headers }: IncomingMessage): void {
    asked.push(`${method} ${url}`);
    authorizations.push(headers['proxy-authorization']);
  }

  const server = createServer((incoming, response) => {
    note(incoming);
    const { pathname, search } = new URL(incoming.url ?? '');
    const { method, headers } = incoming;
    const outgoing = request(
      { host: '127.0.0.1', port, method, path: pathname + search, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('connect', (incoming, client: Socket) => {
    note(incoming);
    if (tunnel === 'hang up') return client.destroy();
    if (tunnel === 'silent') return;
    if (tunnel !== 'open') return client.end(`HTTP/1.1 ${tunnel} No\r\nContent-Length: 0\r\n\r\n`);
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, authorizations };
}
