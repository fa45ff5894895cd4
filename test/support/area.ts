import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import Koa from 'koa';
import { onTestFinished } from 'vitest';
import { jsonBody } from '../../src/console/server/http/json-body.js';
import type { Person, Requires } from '../../src/console/server/http/person.js';
import { answerRefusals } from '../../src/console/server/http/refusal.js';

export const silent = { error: () => undefined, info: () => undefined, warn: () => undefined };

/** Lets all pass. */
export const anybody: Requires = () => (_ctx, next) => next();

/** An area alone, on a port of its own, behind what every area has before it. Signed in is whoever `x-test-user` names. */
export async function serveArea(router: Router): Promise<{ url: string; close(): Promise<void> }> {
  const app = new Koa();
  app.use(answerRefusals(silent));
  app.use((ctx, next) => {
    const name = ctx.get('x-test-user') || 'mei';
    ctx.state.user = { name, displayName: name, role: 'admin' } satisfies Person;
    return next();
  });
  app.use(jsonBody);
  app.use(router.routes());
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Mounted {
  url: string;
  get(path: string, headers?: Record<string, string>): Promise<{ status: number; body: unknown }>;
  post(path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  close(): Promise<void>;
}

export async function mount(router: Router): Promise<Mounted> {
  const { url, close } = await serveArea(router);
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
