import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import { say } from '../../../lib/language.js';
import type { BulkPreview, BulkProgress } from '../../contract/history.js';
import * as input from '../http/input.js';
import { personOf } from '../http/person.js';
import { badRequest, Refusal } from '../http/refusal.js';
import { wordsFor } from '../words/index.js';
import { type BulkKind, bulkKinds, bulkLimit, chooseIds, countResults, judgeAll } from './bulk.js';
import { createBulkRuns } from './bulk-runs.js';
import type { HistoryDependencies } from './dependencies.js';
import { deliveryFilter, filterShape, messageFilter, noSuchState } from './filter.js';

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
    const asked = input.readBody(ctx, bulkRequest);
    const kind = bulkKinds[asked.action];
    const { ids, filter } = asked;
    if ((ids === undefined) === (filter === undefined))
      throw badRequest('Say which: ids or a filter, and not both.', '请指明 id 或筛选条件，二选一。');
    if (ids) return { asked, kind, ids: [...new Set(ids)] };
    const { before: _before, limit: _limit, ...given } = filter ?? {};
    const toFilter = kind.of === 'deliveries' ? deliveryFilter : messageFilter;
    const asList = toFilter(given, bulkLimit, kind.otherwise);
    const states = (asList.states ?? []).filter((state) => kind.states.includes(state));
    if (states.length === 0) throw noSuchState(kind.states);
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
    if (expected !== undefined && Math.abs(ids.length - expected) > expected * tolerance)
      throw expectedIsOff(ids.length, expected);
    const id = runs.start({ action, kind, ids, force, person: personOf(ctx) });
    if (id === undefined) throw tooManyBulks();
    ctx.status = 202;
    ctx.body = { id };
  });

  router.get('/bulk/:id', requires('operate'), (ctx) => {
    input.readQuery(ctx, {});
    const { bulk } = wordsFor(ctx);
    const progress = runs.progressOf(ctx.params.id ?? '');
    if (!progress) throw noBulk();
    ctx.body = {
      ...progress,
      results: progress.results.map((one) => ({ ...one, explained: bulk[one.result] })),
    } satisfies BulkProgress;
  });
}

const expectedIsOff = (matched: number, expected: number) =>
  new Refusal(
    409,
    'expected_is_off',
    say(
      `Nothing was done: ${matched} match by now, and ${expected} were confirmed. Look again.`,
      `没有执行：现在符合条件的有 ${matched} 条，确认时是 ${expected} 条，请重新查看。`,
    ),
  );

const tooManyBulks = () =>
  new Refusal(
    429,
    'too_many',
    say(
      'Other actions of this kind are still under way. Try again when they have ended.',
      '还有批量操作没有结束，请稍后再试。',
    ),
  );

const noBulk = () =>
  new Refusal(
    404,
    'not_found',
    say(
      'This process knows no such action: it ended long ago, or runs in another process.',
      '本进程里没有这个批量操作：可能早已结束，或在别的进程里。',
    ),
  );
