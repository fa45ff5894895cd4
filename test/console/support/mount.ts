import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import Koa from 'koa';
import { onTestFinished } from 'vitest';
import type { Requires } from '../../../src/console/server/http/person.js';

/** Lets all pass. */
export const anybody: Requires = () => (_ctx, next) => next();

export interface Mounted {
  url: string;
  get(path: string, headers?: Record<string, string>): Promise<{ status: number; body: unknown }>;
  post(path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  close(): Promise<void>;
}

/** An area alone, on a port of its own, with somebody signed in. */
export async function mount(router: Router): Promise<Mounted> {
  const app = new Koa();
  app.use((ctx, next) => {
    ctx.state.user = { name: 'mei', displayName: 'Mei', role: 'admin' };
    return next();
  });
  app.use(router.routes());
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const read = async (response: Response) => ({
    status: response.status,
    body: response.headers.get('content-type')?.includes('json')
      ? ((await response.json()) as unknown)
      : await response.text(),
  });
  return {
    url,
    get: async (path, headers = {}) => read(await fetch(url + path, { headers })),
    post: async (path, body) =>
      read(
        await fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    close,
  };
}

export async function mountForTest(router: Router): Promise<Mounted> {
  const mounted = await mount(router);
  onTestFinished(mounted.close);
  return mounted;
}

export const silent = { error: () => undefined, info: () => undefined, warn: () => undefined };
