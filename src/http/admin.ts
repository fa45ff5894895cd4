import Router from '@koa/router';
import Koa from 'koa';
import type { Metrics } from '../observe/metrics.js';

/**
 * One thing that must be so for the service to do its work; resolves with what is wrong, or undefined. A warning is for
 * a person: it takes the process out of no balancer.
 */
export type ReadinessCheck = () => Promise<string | { warning: string } | undefined>;

export interface AdminDependencies {
  metrics: Metrics;
  checks: Readonly<Record<string, ReadinessCheck>>;
  /** More routes. */
  extra: Router;
}

const checkTimeoutMs = 3_000;

/** The side for operators: /healthz (the process lives), /readyz (it can work, and if not, why), /metrics, and `extra`. */
export function createAdmin({ metrics, checks, extra }: AdminDependencies): Koa {
  const router = new Router();

  router.get('/healthz', (ctx) => {
    ctx.body = 'ok\n';
  });

  router.get('/readyz', async (ctx) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => ({ name, problem: await withinTime(check) })),
    );
    ctx.status = results.every(({ problem }) => typeof problem !== 'string') ? 200 : 503;
    ctx.body = results.map(({ name, problem }) => `${name}: ${describe(problem)}\n`).join('');
  });

  router.get('/metrics', async (ctx) => {
    ctx.type = metrics.registry.contentType;
    ctx.body = await metrics.registry.metrics();
  });

  const app = new Koa();
  app.use(router.routes());
  app.use(extra.routes());
  return app;
}

type Problem = Awaited<ReturnType<ReadinessCheck>>;

function describe(problem: Problem): string {
  if (problem === undefined) return 'ok';
  return typeof problem === 'string' ? problem : `warning: ${problem.warning}`;
}

async function withinTime(check: ReadinessCheck): Promise<Problem> {
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
