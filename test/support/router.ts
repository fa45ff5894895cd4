import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What stands before several deployments, as nginx does: one address for WeChat, and one of them behind it. */
export interface Router {
  readonly url: string;
  switchTo(url: string): void;
}

/** @param behind asked for each request: where it goes */
export async function startRouter(behind: () => string): Promise<Router> {
  let other: string | undefined;
  const server = createServer((incoming, outgoing) => {
    const { search } = new URL(incoming.url ?? '/', 'http://router');
    const forward = request(
      `${other ?? behind()}${search}`,
      { method: incoming.method, headers: incoming.headers },
      (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(outgoing);
      },
    );
    forward.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/wechat`,
    switchTo(url) {
      other = url;
    },
  };
}
