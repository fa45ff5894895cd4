import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import type { BulkPreview, BulkProgress } from '../../contract/history.js';
import * as input from '../http/input.js';
import { personOf } from '../http/person.js';
import { Refusal } from '../http/refusal.js';
import { wordsFor } from '../words/index.js';
import { type BulkKind, bulkKinds, bulkLimit, chooseIds, countResults, judgeAll } from './bulk.js';
import { createBulkRuns } from './bulk-runs.js';
import type { HistoryDependencies } from './dependencies.js';
import { deliveryFilter, filterShape, messageFilter } from './filter.js';

const bulkRequest = z.strictObject({
  action: z.enum(['requeue', 'cancel', 'requeue_messages', 'cancel_messages']),
  ids: z.array(input.id).min(1).max(bulkLimit).optional(),
  // A page sends the filter of its list, of which all that matches is meant.
  filter: z
    .strictObject({ ...filterShape, before: z.unknown(), limit: z.unknown() })
    .partial()
    .optional(),
  force: z.boolean().optional(),
  expected: z.number().int().min(0).optional(),
});

type Asked = z.output<typeof bulkRequest>;

/** How far what matches may be from what a person confirmed. */
const tolerance = 0.1;

export function addBulk(router: Router, { pool, requires, log, stopping }: HistoryDependencies): void {
  const runs = createBulkRuns({ pool, log, stopping });

  async function choose(ctx: Koa.Context): Promise<{ asked: Asked; kind: BulkKind; ids: string[] }> {
    const asked = await input.readBody(ctx, bulkRequest);
    const kind = bulkKinds[asked.action];
    const { ids, filter } = asked;
    if ((ids === undefined) === (filter === undefined))
      throw new Refusal(400, 'bad_request', wordsFor(ctx).refusals.sayWhich);
    if (ids) return { asked, kind, ids: [...new Set(ids)] };
    const { before: _before, limit: _limit, ...given } = filter ?? {};
    const toFilter = kind.of === 'deliveries' ? deliveryFilter : messageFilter;
    const asList = toFilter(ctx, given, bulkLimit, kind.otherwise);
    const states = (asList.states ?? []).filter((state) => kind.states.includes(state));
    if (states.length === 0)
      throw new Refusal(400, 'bad_request', wordsFor(ctx).refusals.noSuchState(kind.states));
    return { asked, kind, ids: await chooseIds(pool, kind.of, { ...asList, states }) };
  }

  router.post('/bulk/preview', requires('operate'), async (ctx) => {
    input.readQuery(ctx, {});
    const { kind, ids } = await choose(ctx);
    const { bulk } = wordsFor(ctx);
    const judged = await judgeAll(pool, kind, ids);
    ctx.body = {
      matched: ids.length,
      limit: bulkLimit,
      verdicts: countResults(judged.map(({ result }) => result)).map(({ result, count }) => ({
        ...{ verdict: result, count, explained: bulk[result] },
      })),
    } satisfies BulkPreview;
  });

  router.post('/bulk/run', requires('operate'), async (ctx) => {
    input.readQuery(ctx, {});
    const { asked, kind, ids } = await choose(ctx);
    const { action, expected, force = false } = asked;
    const { refusals } = wordsFor(ctx);
    if (expected !== undefined && Math.abs(ids.length - expected) > expected * tolerance)
      throw new Refusal(409, 'expected_is_off', refusals.expectedIsOff(ids.length, expected));
    const id = runs.start({ action, kind, ids, force, person: personOf(ctx) });
    if (id === undefined) throw new Refusal(429, 'too_many', refusals.tooManyBulks);
    ctx.status = 202;
    ctx.body = { id };
  });

  router.get('/bulk/:id', requires('operate'), (ctx) => {
    input.readQuery(ctx, {});
    const { bulk, refusals } = wordsFor(ctx);
    const progress = runs.progressOf(ctx.params.id ?? '');
    if (!progress) throw new Refusal(404, 'not_found', refusals.noBulk);
    ctx.body = {
      ...progress,
      results: progress.results.map((one) => ({ ...one, explained: bulk[one.result] })),
    } satisfies BulkProgress;
  });
}
