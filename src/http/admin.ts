import Router from '@koa/router';
import Koa from 'koa';
import type { Metrics } from '../observe/metrics.js';

/** One thing that must be so for the service to do its work; resolves with what is wrong, or undefined. */
export type ReadinessCheck = () => Promise<string | undefined>;

export interface AdminDependencies {
  metrics: Metrics;
  checks: Readonly<Record<string, ReadinessCheck>>;
}

const checkTimeoutMs = 3_000;

/** The side for operators: /healthz (the process lives), /readyz (it can work, and if not, why), /metrics. */
export function createAdmin({ metrics, checks }: AdminDependencies): Koa {
  const router = new Router();

  router.get('/healthz', (ctx) => {
    ctx.body = 'ok\n';
  });

  router.get('/readyz', async (ctx) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => ({ name, problem: await withinTime(check) })),
    );
    ctx.status = results.every(({ problem }) => problem === undefined) ? 200 : 503;
    ctx.body = results.map(({ name, problem }) => `${name}: ${problem ?? 'ok'}\n`).join('');
  });

  router.get('/metrics', async (ctx) => {
    ctx.type = metrics.registry.contentType;
    ctx.body = await metrics.registry.metrics();
  });

  const app = new Koa();
  app.use(router.routes());
  return app;
}

async function withinTime(check: ReadinessCheck): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${checkTimeoutMs} ms`), checkTimeoutMs);
  });
  try {
    return await Promise.race([check(), timeout]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
