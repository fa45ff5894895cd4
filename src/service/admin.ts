import Router from '@koa/router';
import Koa from 'koa';
import type { Metrics } from '../observe/metrics.js';
import type { ReadinessCheck } from '../observe/readiness.js';
import { scrub } from '../observe/scrub.js';

export interface AdminDependencies {
  metrics: Metrics;
  /** Awaited before a scrape is answered. */
  refreshMetrics(): Promise<void>;
  checks: Readonly<Record<string, ReadinessCheck>>;
  /** More routes. */
  extra: Router;
}

const checkTimeoutMs = 3_000;

/**
 * The side for operators: /healthz (the process lives), /readyz (it can work, and if not, why), /metrics, and `extra`.
 * /readyz is a line a check for people, and JSON for programs, which ask for it: `Accept: application/json`, or
 * `?format=json`.
 */
export function createAdmin({ metrics, refreshMetrics, checks, extra }: AdminDependencies): Koa {
  const router = new Router();

  router.get('/healthz', (ctx) => {
    ctx.body = 'ok\n';
  });

  router.get('/readyz', async (ctx) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => ({ name, problem: await withinTime(check) })),
    );
    const ready = results.every(({ problem }) => typeof problem !== 'string');
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
  return app;
}

type Problem = Awaited<ReturnType<ReadinessCheck>>;

function describe(problem: Problem): string {
  if (problem === undefined) return 'ok';
  return typeof problem === 'string' ? problem : `warning: ${problem.warning}`;
}

function toJson(problem: Problem): { ok: boolean; error?: string; warning?: string } {
  if (problem === undefined) return { ok: true };
  return typeof problem === 'string' ? { ok: false, error: problem } : { ok: true, ...problem };
}

/** What is wrong is told without the secrets that a driver's error may quote. */
async function withinTime(check: ReadinessCheck): Promise<Problem> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${checkTimeoutMs} ms`), checkTimeoutMs);
  });
  try {
    const problem = await Promise.race([check(), timeout]);
    if (problem === undefined) return undefined;
    return typeof problem === 'string' ? scrub(problem) : { warning: scrub(problem.warning) };
  } catch (error) {
    return scrub(describeError(error));
  } finally {
    clearTimeout(timer);
  }
}

/** A host with several addresses that all refuse gives an error without a message of its own. */
function describeError(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(describeError).join('; ');
  return error instanceof Error ? error.message : String(error);
}
