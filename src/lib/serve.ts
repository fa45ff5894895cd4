import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';

export interface HttpServer {
  readonly port: number;
  /** Takes no new requests and resolves when those under way are answered. */
  close(): Promise<void>;
}

export class ListenError extends Error {
  readonly code = 'LISTEN';
  constructor({ host, port, setting = 'PORT' }: ServeOptions, cause: Error) {
    const remedy =
      setting === 'PORT'
        ? 'Set PORT to another port, or end what uses it; several processes at one port: PROCESSES.'
        : `Set ${setting} to another port: each process of a machine needs its own, ${setting}=0 takes any.`;
    super(`Cannot listen on ${host}:${port}: ${cause.message}. ${remedy}`, { cause });
    this.name = 'ListenError';
  }
}

export interface ServeOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** The setting that chooses it, for whoever finds it taken; default: PORT. */
  setting?: string;
  /** Whether the processes that `start` runs side by side share the port; default: each needs one of its own. */
  shared?: boolean;
}

/**
 * Serves an app until closed. Slow senders are cut off: headers must come within 5 s, a whole request within 10 s.
 *
 * @throws ListenError when the port cannot be had
 */
export async function serve(app: Koa, options: ServeOptions): Promise<HttpServer> {
  const { host, port, shared = false } = options;
  const server = createServer(
    {
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 65_000,
    },
    app.callback(),
  );
  // One of a cluster asks its parent for the port, over a channel that by itself keeps no process alive.
  const alive = setInterval(() => undefined, 60_000);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new ListenError(options, error)));
      server.listen({ port, host, exclusive: !shared }, resolve);
    });
  } finally {
    clearInterval(alive);
  }
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      // A keep-alive connection that is busy now becomes idle later, and would hold the server open.
      const reaper = setInterval(() => server.closeIdleConnections(), 50);
      return new Promise<void>((resolve) => {
        server.close(() => {
          clearInterval(reaper);
          resolve();
        });
      });
    },
  };
}
