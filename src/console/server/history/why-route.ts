import type Router from '@koa/router';
import type { Why, WhyFinding } from '../../contract/history.js';
import * as input from '../http/input.js';
import { type Words, wordsFor } from '../words/index.js';
import type { HistoryDependencies } from './dependencies.js';
import { explain } from './message.js';
import { readSituation } from './situation.js';
import { type Cause, decideWhy } from './why.js';

export function addWhy(
  router: Router,
  { pool, requires, accounts, refusedPushes }: HistoryDependencies,
): void {
  router.get('/why', requires('read'), async (ctx) => {
    const { account, openid } = input.readQuery(ctx, { account: input.shortText, openid: input.shortText });
    const situation = await readSituation(pool, {
      ...{ account, openid },
      isConfigured: accounts.includes(account),
      refusedPushes: (await refusedPushes?.(account)) ?? 0,
    });
    const words = wordsFor(ctx);
    ctx.body = {
      account,
      openid,
      findings: decideWhy(situation).map((cause) => toFinding(cause, account, words)),
    } satisfies Why;
  });
}

export function toFinding(found: Cause, account: string, words: Words): WhyFinding {
  const { cause, messageId, deliveryId, at, ...facts } = found;
  const explained = explain(found.code, words.language);
  return {
    cause,
    ...words.why[cause]({
      ...facts,
      account,
      meaning: explained?.meaning ?? null,
      remedy: explained?.remedy ?? null,
    }),
    ...{ messageId, deliveryId, at: at === null ? null : new Date(at).toISOString() },
  };
}
