import Router from '@koa/router';
import Koa from 'koa';
import type { AccountConfig } from '../config/settings.js';
import { createLimitedLines } from '../observe/limited-lines.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { scrub } from '../observe/scrub.js';
import { createWideLines } from '../observe/wide-lines.js';
import { openEnvelope } from '../wechat/in/envelope.js';
import type { FieldMap } from '../wechat/in/fields.js';
import { type InboundMessage, messageType, toMessage } from '../wechat/in/message.js';
import { checkSignature } from '../wechat/in/signature.js';
import { replyWindow } from '../wechat/in/window.js';
import { type Admission, admitPush } from './admit.js';
import type { Inbox } from './queue.js';
import { givenId, type PushQuery, readBody, readQuery, sourceOf } from './request.js';
import { createRequestIds } from './request-id.js';

export interface WebhookDependencies {
  accounts: readonly AccountConfig[];
  inbox: Inbox;
  log: Logger;
  metrics: Metrics;
  clock: () => Date;
  /** For anybody who asks, so it must cost little. */
  isReady: () => Promise<boolean>;
  /** Oldest accepted timestamp; 0 accepts any. */
  maxTimestampAgeSeconds: number;
}

/** WeChat takes what it does not expect as an error and tells the user so: hence no JSON, and no HTML. */
type Answer = { status: 200 | 400 | 403 | 404 | 413 | 503; text: string };

/**
 * The public side: WeChat's server check (GET) and its pushes (POST), at /wechat/:appId, or /wechat for the first
 * account. A push is answered with an empty body once it is committed, and with 503, so that WeChat tries again,
 * when it could not be. Balancers that know this port alone ask at / or /healthz: 200 when ready, else 503.
 */
export function createWebhook({
  accounts,
  inbox,
  log,
  metrics,
  clock,
  isReady,
  maxTimestampAgeSeconds,
}: WebhookDependencies): Koa {
  const lines = createWideLines(log);
  const limited = createLimitedLines(() => performance.now());
  const requestIdOf = createRequestIds();
  let shedCount = 0;
  let shedLoggedAt = 0;
  const byAppId = new Map(accounts.map((account) => [account.appId, account]));

  function findAccount(appId: string | undefined): AccountConfig | undefined {
    return appId === undefined ? accounts[0] : byAppId.get(appId);
  }

  function checkServer(ctx: Koa.Context, account: AccountConfig, query: PushQuery): Answer {
    const check = checkSignature(query, account.token, clock(), maxTimestampAgeSeconds);
    return check.ok
      ? { status: 200, text: query.echostr ?? '' }
      : refuse(account, 403, `signature ${check.reason}`, ctx);
  }

  function refuse({ appId }: AccountConfig, status: 400 | 403, reason: string, ctx: Koa.Context): Answer {
    metrics.inbound.inc({ account: appId, type: 'unknown', result: 'refused' });
    const requestId = requestIdOf(givenId(ctx));
    // Of each account and each reason its own; what cannot be read has as many reasons as there are strangers.
    limited(`${appId} ${status === 403 ? reason : status}`, (unlogged) =>
      log.warn(
        { event: 'push_refused', request_id: requestId, app_id: appId, status, reason, ip: ctx.ip, unlogged },
        'push refused',
      ),
    );
    return { status, text: status === 400 ? `not a WeChat message: ${reason}` : reason };
  }

  async function receive(
    ctx: Koa.Context,
    account: AccountConfig,
    query: PushQuery,
    admission: Exclude<Admission, { kind: 'refused' }>,
    startedAt: number,
  ): Promise<Answer> {
    const body = await readBody(ctx);
    if (!body.ok) return body.answer;
    const envelope = admission.kind === 'by-body' ? { ...account, requireEncryption: true } : account;
    const opened = openEnvelope(body.text, query, envelope);
    if (!opened.ok) return refuse(account, opened.kind === 'forbidden' ? 403 : 400, opened.reason, ctx);
    if (admission.kind === 'unsigned') {
      if (isProbe(opened.fields)) return { status: 200, text: 'success' };
      if (admission.problem) return refuse(account, 403, admission.problem, ctx);
    }
    const parsed = toMessage(opened.fields);
    if (!parsed.ok) return refuse(account, 400, parsed.reason, ctx);
    return accept(ctx, account, parsed.message, startedAt);
  }

  async function accept(
    ctx: Koa.Context,
    account: AccountConfig,
    message: InboundMessage,
    startedAt: number,
  ): Promise<Answer> {
    const { appId } = account;
    const requestId = requestIdOf(givenId(ctx));
    const window = replyWindow(message, account.windows);
    const result = await inbox.commit({ appId, ordered: account.ordered, message, window, requestId });
    const type = message.kind === 'unknown' ? 'other' : messageType(message);
    if (result.kind === 'shed') return shed(appId);
    metrics.inbound.inc({ account: appId, type, result: result.kind });
    if (result.kind === 'unavailable') {
      log.error(
        { event: 'push_not_stored', request_id: requestId, app_id: appId, reason: scrub(result.reason) },
        'push not stored',
      );
      return { status: 503, text: 'not stored, try again' };
    }
    lines.push({
      request_id: requestId,
      app_id: appId,
      type,
      push_event: message.kind === 'event' ? message.name : undefined,
      msg_id: message.kind === 'event' ? undefined : message.msgId,
      result: result.kind,
      duration_ms: Math.round((performance.now() - startedAt) * 10) / 10,
    });
    return { status: 200, text: '' };
  }

  /** Told once a second, with how many: a line for each would be part of the overload. */
  function shed(appId: string | undefined): Answer {
    const account = findAccount(appId)?.appId ?? 'unknown';
    metrics.inbound.inc({ account, type: 'unknown', result: 'shed' });
    shedCount += 1;
    const now = clock().getTime();
    if (now - shedLoggedAt >= 1_000) {
      log.error(
        { event: 'overloaded', waiting: inbox.waiting, refused: shedCount },
        'pushes refused: too many wait',
      );
      shedLoggedAt = now;
      shedCount = 0;
    }
    return { status: 503, text: 'too busy, try again' };
  }

  const router = new Router();
  const path = '/wechat{/:appId}';
  router.get(path, (ctx) => {
    const account = findAccount(ctx.params.appId);
    respond(ctx, account ? checkServer(ctx, account, readQuery(ctx)) : unknownAccount);
  });
  router.post(path, async (ctx) => {
    // Before anything is read or checked: under overload each refusal must cost as little as can be.
    if (inbox.isFull) return respond(ctx, shed(ctx.params.appId));
    const account = findAccount(ctx.params.appId);
    if (!account) return respond(ctx, unknownAccount);
    const startedAt = performance.now();
    const query = readQuery(ctx);
    const source = sourceOf(ctx);
    const maxAgeSeconds = maxTimestampAgeSeconds;
    const admission = admitPush(account, { query, source, now: clock(), maxAgeSeconds });
    if (admission.kind === 'refused') return respond(ctx, refuse(account, 403, admission.reason, ctx));
    respond(ctx, await receive(ctx, account, query, admission, startedAt));
    metrics.acknowledgeSeconds.observe((performance.now() - startedAt) / 1_000);
  });
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

const unknownAccount: Answer = { status: 404, text: 'unknown account' };

/** WeChat Cloud Hosting asks so whether somebody is there. */
const isProbe = ({ action, MsgType }: FieldMap) => action === 'CheckContainerPath' && MsgType === undefined;

function respond(ctx: Koa.Context, { status, text }: Answer): void {
  if (text === '') {
    // Nothing has no type. Koa takes null for a 204, until it is told otherwise.
    ctx.body = null;
    ctx.status = status;
    return;
  }
  ctx.status = status;
  ctx.type = 'text/plain; charset=utf-8';
  ctx.set('x-content-type-options', 'nosniff');
  ctx.body = text;
}
