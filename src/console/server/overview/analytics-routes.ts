import type Router from '@koa/router';
import { z } from 'zod';
import { type Analytics, type AnalyticsTable, analyticsTables } from '../../contract/overview.js';
import { type Cell, toCsv } from '../http/csv.js';
import * as input from '../http/input.js';
import { languageOfRequest } from '../http/language.js';
import { badRequest } from '../http/refusal.js';
import { readAnalytics } from './analytics.js';
import type { OverviewDependencies } from './dependencies.js';

const dayMs = 86_400_000;

export function addAnalytics(
  router: Router,
  { pool, requires }: Pick<OverviewDependencies, 'pool' | 'requires'>,
): void {
  router.get('/analytics', requires('analyse'), async (ctx) => {
    const asked = input.readQuery(ctx, {
      account: input.shortText.optional(),
      since: input.time.optional(),
      until: input.time.optional(),
      format: z.enum(['json', 'csv']).optional(),
      table: z.enum(analyticsTables).optional(),
    });
    const { account, format, table, until = new Date() } = asked;
    const since = asked.since ?? new Date(until.getTime() - dayMs);
    if (since >= until)
      throw badRequest('The end must be later than the beginning.', '结束时间必须晚于开始时间。');
    if ((format === 'csv') !== (table !== undefined)) throw input.badInput(['format', 'table']);
    const analytics = await readAnalytics(pool, { since, until, account }, languageOfRequest(ctx));
    ctx.set('cache-control', 'no-store');
    if (table === undefined) {
      ctx.body = analytics;
      return;
    }
    ctx.type = 'text/csv; charset=utf-8';
    ctx.attachment(`${table}.csv`);
    ctx.body = tableToCsv(analytics, table);
  });
}

const columns: { [Table in AnalyticsTable]: readonly (keyof Analytics[Table][number] & string)[] } = {
  series: ['at', 'users', 'messages', 'sent', 'failed', 'p50Ms', 'p95Ms'],
  menuKeys: ['key', 'taps', 'users'],
  scenes: ['scene', 'scans', 'follows', 'users'],
  failures: ['code', 'state', 'count', 'meaning'],
  busiest: ['weekday', 'hour', 'messages'],
  events: ['event', 'count', 'users'],
};

function tableToCsv(analytics: Analytics, table: AnalyticsTable): string {
  const names: readonly string[] = columns[table];
  const rows = analytics[table] as readonly Readonly<Record<string, Cell>>[];
  return toCsv(
    names,
    rows.map((row) => names.map((name) => row[name] ?? null)),
  );
}
