import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createPool } from '../../src/db/pool.js';

/** A message of Postgres' protocol: its letter, its length, what it says. */
function message(letter: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(letter), length, body]);
}

const greeting = [message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))];
const farewell = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

test('a server that greets and goes away in one breath ends a statement, and not the process', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([...greeting, farewell])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const pool = createPool({
    connectionString: `postgres://me:secret@127.0.0.1:${port}/wechat`,
    ...{ name: 'under-test', max: 1, statementTimeoutMs: 5_000 },
    onError: () => undefined,
  });
  onTestFinished(() => pool.end());
  await expect(pool.query('select 1')).rejects.toThrow();
});
