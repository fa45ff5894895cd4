import { createServer } from 'node:http';

/** Tells the benchmark that the program is up, where the product has its admin port. */
export function serveHealth(): void {
  createServer((_request, response) => response.end('ok')).listen(
    Number(process.env.ADMIN_PORT),
    '127.0.0.1',
  );
}
