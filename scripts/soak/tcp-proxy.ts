import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between two ends and can hurt what passes through it. */
export interface TcpProxy {
  readonly port: number;
  /** Cuts every connection with a reset. */
  reset(): void;
  /** Passes nothing on for a while; connections stay open, and what was sent arrives later. */
  freeze(ms: number): void;
  /** Ends that before its time. */
  thaw(): void;
  close(): Promise<void>;
}

/** @param upstreams ports on loopback; each connection goes to the next one that takes it */
export async function startTcpProxy(upstreams: () => readonly number[]): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let thawed = Promise.resolve();
  let thaw = () => {};
  let turn = 0;

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  }

  function pass(client: Socket, candidates: readonly number[]): void {
    const [port, ...others] = candidates;
    if (port === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    let connected = false;
    upstream.on('connect', () => {
      connected = true;
      // pipe() sets both flowing: not before the thaw.
      void thawed.then(() => client.pipe(upstream).pipe(client));
    });
    upstream.on('error', () => {
      if (connected) client.resetAndDestroy();
      else pass(client, others);
    });
    upstream.on('close', () => {
      if (connected) client.destroy();
    });
    client.on('close', () => upstream.destroy());
    keep(upstream);
  }

  const server = createServer((client) => {
    keep(client);
    const ports = upstreams();
    turn += 1;
    const first = ports.length === 0 ? 0 : turn % ports.length;
    pass(client, [...ports.slice(first), ...ports.slice(0, first)]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    freeze(ms) {
      for (const socket of sockets) socket.pause();
      thawed = new Promise((resolve) => {
        thaw = resolve;
        setTimeout(resolve, ms);
      });
      void thawed.then(() => {
        for (const socket of sockets) socket.resume();
      });
    },
    thaw: () => thaw(),
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
