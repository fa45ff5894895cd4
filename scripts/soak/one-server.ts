import { type EmbeddedPostgres, startEmbeddedPostgres } from '#src/db/embedded.js';
import type { OnStop, SoakDatabase } from './field.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** One Postgres, and a proxy on the way to it. */
export interface OneServer extends SoakDatabase {
  readonly postgres: EmbeddedPostgres;
  readonly proxy: TcpProxy;
}

export async function openOneServer(
  { directory }: { directory: string },
  onStop: OnStop,
): Promise<OneServer> {
  const postgres = await startEmbeddedPostgres({ dataDir: directory });
  onStop(() => postgres.stop());
  const port = Number(new URL(postgres.url).port);
  const proxy = await startTcpProxy(() => [port]);
  onStop(proxy.close);
  const proxied = new URL(postgres.url);
  proxied.port = String(proxy.port);
  return { postgres, proxy, adminUrl: postgres.url, urlOf: () => proxied.href };
}
