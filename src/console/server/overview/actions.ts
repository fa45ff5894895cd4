import type Router from '@koa/router';
import { createKysely } from '../../../db/kysely.js';
import type { Page } from '../../contract/history.js';
import type { ActionRow } from '../../contract/overview.js';
import * as input from '../http/input.js';
import type { OverviewDependencies } from './dependencies.js';

export function addActions(
  router: Router,
  { pool, requires }: Pick<OverviewDependencies, 'pool' | 'requires'>,
): void {
  router.get('/actions', requires('read'), async (ctx) => {
    const asked = input.readQuery(ctx, {
      before: input.id.optional(),
      limit: input.limit(50),
      account: input.shortText.optional(),
      actor: input.shortText.optional(),
      action: input.shortText.optional(),
    });
    const { before, limit, account, actor, action } = asked;
    let query = createKysely(pool)
      .selectFrom('wechat.operator_action')
      .select(['id', 'acted_at', 'actor', 'action', 'app_id', 'details', 'affected'])
      .orderBy('id', 'desc')
      .limit(limit + 1);
    if (before !== undefined) query = query.where('id', '<', before);
    if (account !== undefined) query = query.where('app_id', '=', account);
    if (actor !== undefined) query = query.where('actor', '=', actor);
    if (action !== undefined) query = query.where('action', '=', action);
    const found = await query.execute();
    const rows = found.slice(0, limit).map(({ acted_at, app_id, ...row }) => ({
      ...row,
      at: acted_at.toISOString(),
      account: app_id,
    }));
    ctx.body = {
      rows,
      next: found.length > limit ? (rows.at(-1)?.id ?? null) : null,
    } satisfies Page<ActionRow>;
  });
}
