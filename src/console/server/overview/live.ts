import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import { type Language, say } from '../../../lib/language.js';
import type { ConversationEvent } from '../../contract/conversations.js';
import type { Now } from '../../contract/overview.js';
import { readQuery } from '../http/input.js';
import { languageOfRequest } from '../http/language.js';
import { Refusal } from '../http/refusal.js';
import { createConversationEvents } from './conversation-events.js';
import type { OverviewDependencies } from './dependencies.js';
import { createHub, type Hub } from './hub.js';
import { createNow, type Look, nowFor } from './now.js';

const defaultPollMs = 2_000;
/** Proxies close what is silent for a minute, some for half of one. */
const defaultHeartbeatMs = 15_000;

const mostStreams = 500;
/** Of a reader who does not read: what waits for them is not kept for ever. */
const mostUnreadBytes = 1_000_000;

interface Told {
  /** Written once for all who read the language. */
  textIn(language: Language): string;
  look: Look;
  events: readonly ConversationEvent[];
}

function toTold(look: Look, events: readonly ConversationEvent[]): Told {
  const texts = new Map<Language, string>();
  return {
    look,
    events,
    textIn(language) {
      const text = texts.get(language) ?? `event: now\ndata: ${JSON.stringify(nowFor(look, language))}\n\n`;
      texts.set(language, text);
      return text;
    },
  };
}

export function addLive(router: Router, dependencies: OverviewDependencies): void {
  const {
    pool,
    requires,
    log,
    stopping,
    stillMay = async () => true,
    pollMs = defaultPollMs,
    heartbeatMs = defaultHeartbeatMs,
  } = dependencies;
  const readNow = createNow(pool);
  const readEvents = createConversationEvents(pool);
  const hub = createHub<Told>({
    read: async () => toTold(await readNow(), await readEvents()),
    pauseMs: pollMs,
    onError: (error) => log.warn({ event: 'console_look_failed', err: error }, 'console: look failed'),
  });

  router.get('/now', requires('read'), async (ctx) => {
    readQuery(ctx, {});
    ctx.set('cache-control', 'no-store');
    ctx.body = nowFor((await hub.latest()).look, languageOfRequest(ctx)) satisfies Now;
  });

  router.get('/live', requires('read'), (ctx) => {
    const { conversations } = readQuery(ctx, { conversations: z.enum(['0', '1']).optional() });
    if (hub.listeners >= mostStreams || stopping.aborted)
      throw new Refusal(
        503,
        'too_many',
        say('Too many consoles are open at this process.', '本进程打开的控制台太多了。'),
      );
    const withConversations = conversations === '1';
    // To HEAD Koa answers by itself, with what GET would begin with.
    if (ctx.method === 'GET') openStream(ctx, { hub, stopping, stillMay, heartbeatMs, withConversations });
    else ctx.type = 'text/event-stream';
  });
}

interface StreamOptions {
  hub: Hub<Told>;
  stopping: AbortSignal;
  stillMay: NonNullable<OverviewDependencies['stillMay']>;
  heartbeatMs: number;
  withConversations: boolean;
}

/**
 * Server-sent events; the browser opens another stream by itself when this one ends. Written by hand: for Koa, a reader who leaves is
 * an error.
 */
function openStream(
  ctx: Koa.Context,
  { hub, stopping, stillMay, heartbeatMs, withConversations }: StreamOptions,
): void {
  const { res } = ctx;
  const language = languageOfRequest(ctx);
  ctx.respond = false;
  res.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Nginx keeps nothing back.
    'x-accel-buffering': 'no',
  });
  const write = (text: string) => {
    if (res.writableLength > mostUnreadBytes) res.destroy();
    else if (!res.writableEnded) res.write(text);
  };
  write('retry: 3000\n\n');
  const stop = hub.listen(
    ({ textIn, events }) => {
      write(textIn(language));
      if (!withConversations) return;
      for (const event of events) write(`event: conversation\ndata: ${JSON.stringify(event)}\n\n`);
    },
    () => write('event: away\ndata: {}\n\n'),
  );
  const end = () => res.end();
  const beat = async () => {
    // While the database is away nobody can say; the next sign of life asks again.
    if (await stillMay(ctx).catch(() => true)) write(': \n\n');
    else end();
  };
  const heartbeat = setInterval(() => void beat(), heartbeatMs).unref();
  stopping.addEventListener('abort', end, { once: true });
  res.once('close', () => {
    stop();
    clearInterval(heartbeat);
    stopping.removeEventListener('abort', end);
  });
}
