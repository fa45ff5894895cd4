import Router from '@koa/router';
import Koa from 'koa';
import type { AccountConfig } from '../config/settings.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Tracing } from '../observe/tracing.js';
import { checkSignature } from '../wechat/in/signature.js';
import { createAccept } from './accept.js';
import { type Admitted, admitPush } from './admit.js';
import type { Inbox } from './queue.js';
import { receivePush } from './receive.js';
import { createRefusals } from './refusals.js';
import type { ReplyCallbackRoute } from './reply-callback.js';
import { givenId, givenTrace, type PushQuery, readBody, readQuery, sourceOf } from './request.js';
import { createRequestIds } from './request-id.js';
import { type PushResponse, respond } from './response.js';

export interface WebhookDependencies {
  accounts: readonly AccountConfig[];
  inbox: Inbox;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  clock: () => Date;
  /** For anybody who asks, so it must cost little. */
  isReady: () => Promise<boolean>;
  /** Undefined: no back end can answer later. */
  replyCallback?: ReplyCallbackRoute | undefined;
  /** Oldest accepted timestamp; 0 accepts any. */
  maxTimestampAgeSeconds: number;
}

/**
 * The public side: WeChat's server check (GET) and its pushes (POST), at /wechat/:appId, or /wechat for the first
 * account. A push is answered with an empty body once it is committed, and with 503, so that WeChat tries again,
 * when it could not be. Back ends post what they answer later to /replies/callback/:token. Balancers that know this port alone ask at / or /healthz: 200 when ready, else 503.
 */
export function createWebhook(dependencies: WebhookDependencies): Koa {
  const { log, isReady, replyCallback } = dependencies;
  const { checkServer, push } = createPushRoutes(dependencies);
  const router = new Router();
  const path = '/wechat{/:appId}';
  router.get(path, (ctx) => respond(ctx, checkServer(ctx, ctx.params.appId)));
  router.post(path, async (ctx) => respond(ctx, await push(ctx, ctx.params.appId)));
  if (replyCallback)
    router.post('/replies/callback/:token', (ctx) => replyCallback(ctx, ctx.params.token ?? ''));
  router.get(['/', '/healthz'], async (ctx) => {
    ctx.set('cache-control', 'no-store');
    respond(ctx, (await isReady()) ? { status: 200, text: 'ok' } : { status: 503, text: 'not ready' });
  });

  const app = new Koa();
  app.on('error', (error) => log.error({ event: 'webhook_error', err: error }, 'webhook error'));
  app.use(router.routes());
  // Whatever no route has answered.
  app.use((ctx) => respond(ctx, { status: 404, text: 'not found' }));
  return app;
}

const unknownAccount: PushResponse = { status: 404, text: 'unknown account' };

interface PushRoutes {
  checkServer(ctx: Koa.Context, appId: string | undefined): PushResponse;
  push(ctx: Koa.Context, appId: string | undefined): Promise<PushResponse>;
}

function createPushRoutes(dependencies: WebhookDependencies): PushRoutes {
  const { accounts, inbox, metrics, clock, maxTimestampAgeSeconds: maxAgeSeconds } = dependencies;
  const refusals = createRefusals(dependencies);
  const accept = createAccept({ ...dependencies, refusals });
  const requestIdOf = createRequestIds();
  const byAppId = new Map(accounts.map((account) => [account.appId, account]));

  function findAccount(appId: string | undefined): AccountConfig | undefined {
    return appId === undefined ? accounts[0] : byAppId.get(appId);
  }

  function refuse(
    { appId }: AccountConfig,
    status: 400 | 403,
    reason: string,
    ctx: Koa.Context,
  ): PushResponse {
    return refusals.refuse({ appId, status, reason, requestId: requestIdOf(givenId(ctx)), ip: ctx.ip });
  }

  async function receive(
    ctx: Koa.Context,
    account: AccountConfig,
    { admission, query, startedAt }: { admission: Admitted; query: PushQuery; startedAt: number },
  ): Promise<PushResponse> {
    const body = await readBody(ctx);
    if (!body.ok) return body.response;
    const received = receivePush(account, admission, { body: body.text, query });
    switch (received.kind) {
      case 'refused':
        return refuse(account, received.status, received.reason, ctx);
      case 'probe':
        return { status: 200, text: 'success' };
      case 'message':
        return accept(account, received.message, {
          requestId: requestIdOf(givenId(ctx)),
          traceparent: givenTrace(ctx),
          startedAt,
        });
    }
  }

  return {
    checkServer(ctx, appId) {
      const account = findAccount(appId);
      if (!account) return unknownAccount;
      const query = readQuery(ctx);
      const check = checkSignature(query, account.token, clock(), maxAgeSeconds);
      if (!check.ok) return refuse(account, 403, `signature ${check.reason}`, ctx);
      return { status: 200, text: query.echostr ?? '' };
    },

    async push(ctx, appId) {
      // Before anything is read or checked: under overload each refusal must cost as little as can be.
      if (inbox.isFull) return refusals.shed(findAccount(appId)?.appId);
      const account = findAccount(appId);
      if (!account) return unknownAccount;
      const startedAt = performance.now();
      const query = readQuery(ctx);
      const admission = admitPush(account, { query, source: sourceOf(ctx), now: clock(), maxAgeSeconds });
      if (admission.kind === 'refused') return refuse(account, 403, admission.reason, ctx);
      const response = await receive(ctx, account, { admission, query, startedAt });
      metrics.acknowledgeSeconds.observe((performance.now() - startedAt) / 1_000);
      return response;
    },
  };
}
