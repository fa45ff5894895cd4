import { onTestFinished } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../scripts/soak/tcp-proxy.js';

/** The same database by way of a proxy, which can be silenced or cut. */
export async function proxied(databaseUrl: string): Promise<{ url: string; proxy: TcpProxy }> {
  const url = new URL(databaseUrl);
  const port = Number(url.port);
  const proxy = await startTcpProxy(() => [port]);
  onTestFinished(() => proxy.close());
  url.port = String(proxy.port);
  return { url: url.href, proxy };
}
