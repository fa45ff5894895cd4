import type { Config } from '../config/settings.js';
import { createCommitGroup, type Inbox } from '../ingress/queue.js';
import { createReplyCallbackRoute } from '../ingress/reply-callback.js';
import { createWebhook } from '../ingress/webhook.js';
import { type HttpServer, serve } from '../lib/serve.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Tracing } from '../observe/tracing.js';
import { createArrive } from '../outbox/arrive.js';
import { createAcceptReply } from '../outbox/reply-callback.js';
import type { Pools } from './pools.js';

export interface IngressRole {
  inbox: Inbox;
  server: HttpServer;
}

/** Statements that store at once: more gain nothing. */
const mostStatements = 4;

/** The role `ingress`: from the webhook's port to the commit. */
export async function startIngressRole({
  pools,
  config,
  log,
  metrics,
  tracing,
  clock,
  isReady,
}: {
  pools: Pools;
  config: Config;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  clock: () => Date;
  isReady: () => Promise<boolean>;
}): Promise<IngressRole> {
  const inbox = createCommitGroup({
    arrive: createArrive(pools.open('ingress')),
    maxConcurrent: Math.min(mostStatements, pools.sizeOf('ingress')),
    maxWaiting: config.inboxQueue,
    tracing,
    onGroup: (size) => metrics.commitGroupSize.observe(size),
    onError: (error) => log.warn({ event: 'store_failed', err: error }, 'storing a group of messages failed'),
  });
  const webhook = createWebhook({
    accounts: config.accounts,
    inbox,
    log,
    metrics,
    tracing,
    clock,
    isReady,
    replyCallback:
      config.httpReplies.callbackUrl === undefined
        ? undefined
        : createReplyCallbackRoute({ accept: createAcceptReply(pools.open('ingress')), log }),
    maxTimestampAgeSeconds: config.maxTimestampAgeSeconds,
  });
  warnOfUnsigned(config, log);
  const server = await serve(webhook, { host: config.host, port: config.port, shared: true });
  return { inbox, server };
}

/** Each time, and loudly: this is safe behind one setting of another system alone. */
function warnOfUnsigned({ accounts, port }: Config, log: Logger): void {
  for (const { appId, cloudHosting } of accounts) {
    if (cloudHosting === 'off') continue;
    log.warn(
      { event: 'unsigned_pushes', app_id: appId, cloud_hosting: cloudHosting },
      `pushes for ${appId} are taken without a signature (WECHAT_CLOUD_HOSTING): whoever reaches port ${port} can write as any user. Let public access of the service be off`,
    );
  }
}
