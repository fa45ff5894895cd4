import type { Pool, PoolClient } from 'pg';

export type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

/** The way to a connection, by callback: a pool's own statements go by it, too. */
export type Connect = (callback: ConnectCallback) => void;

/** Lets every connection that is asked for, by callback or by promise, come by another way. */
export function wrapConnect(pool: Pool, wrap: (connect: Connect) => Connect): void {
  const wrapped = wrap(pool.connect.bind(pool) as Connect);
  const promised = () =>
    new Promise<PoolClient>((resolve, reject) => {
      wrapped((error, client) => (client ? resolve(client) : reject(error)));
    });
  pool.connect = ((callback?: ConnectCallback) =>
    callback ? wrapped(callback) : promised()) as typeof pool.connect;
}
