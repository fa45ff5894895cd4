import Router from '@koa/router';
import Koa from 'koa';
import type { Metrics } from '../observe/metrics.js';
import { lookAt, type Problem, type ReadinessCheck } from '../observe/readiness.js';

export interface AdminDependencies {
  metrics: Metrics;
  /** Awaited before a scrape is answered. */
  refreshMetrics(): Promise<void>;
  checks: Readonly<Record<string, ReadinessCheck>>;
  /** More routes. */
  extra: Router;
  /** Undefined: there is none. */
  console?: Koa.Middleware | undefined;
}

/**
 * The side for operators: /healthz (the process lives), /readyz (it can work, and if not, why), /metrics, and `extra`.
 * /readyz is a line a check for people, and JSON for programs, which ask for it: `Accept: application/json`, or
 * `?format=json`.
 */
export function createAdmin({ metrics, refreshMetrics, checks, extra, console }: AdminDependencies): Koa {
  const router = new Router();

  router.get('/healthz', (ctx) => {
    ctx.body = 'ok\n';
  });

  router.get('/readyz', async (ctx) => {
    const { ready, results } = await lookAt(checks);
    ctx.status = ready ? 200 : 503;
    ctx.vary('accept');
    if (ctx.query.format === 'json' || ctx.accepts('text', 'json') === 'json') {
      ctx.body = {
        ready,
        checks: Object.fromEntries(results.map(({ name, problem }) => [name, toJson(problem)])),
      };
    } else {
      ctx.body = results.map(({ name, problem }) => `${name}: ${describe(problem)}\n`).join('');
    }
  });

  router.get('/metrics', async (ctx) => {
    await refreshMetrics();
    ctx.type = metrics.registry.contentType;
    ctx.body = await metrics.registry.metrics();
  });

  const app = new Koa();
  app.use(router.routes());
  app.use(extra.routes());
  if (console) app.use(console);
  return app;
}

function describe(problem: Problem): string {
  if (problem === undefined) return 'ok';
  return typeof problem === 'string' ? problem : `warning: ${problem.warning}`;
}

function toJson(problem: Problem): { ok: boolean; error?: string; warning?: string } {
  if (problem === undefined) return { ok: true };
  return typeof problem === 'string' ? { ok: false, error: problem } : { ok: true, ...problem };
}
