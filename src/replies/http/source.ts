import type { Part, Tracing } from '../../observe/tracing.js';
import { createReplyCallbacks } from '../../outbox/reply-callback.js';
import type { ReplyContext, ReplyResult, Turn } from '../router.js';
import {
  Deferred,
  type LoadedSource,
  type ReplySource,
  SourceError,
  type SourceServices,
} from '../source.js';
import { parseAnswer, readAnswer } from './answer.js';
import { type BackEnd, type BackEndOutcome, createBackEnd } from './back-end.js';
import { requestBody } from './body.js';
import { type Callbacks, createCallbacks, type Offer } from './callbacks.js';
import { createSigner, traceparent } from './sign.js';

/** How back ends are asked. */
export interface HttpReplies {
  /** For one call, from its beginning to the end of the response. */
  timeoutMs: number;
  allowPrivateAddresses: boolean;
  /** How much of the conversation is sent with a message. */
  turns: number;
  /** The public port as back ends reach it, without a slash at the end; undefined: nothing can be answered later. */
  callbackUrl: string | undefined;
  /** How long a message waits for an answer that comes later, at most. */
  callbackWaitMs: number;
}

/**
 * Replies by a back end of the user's, in whatever language (docs/http-replies.md).
 *
 * @param entry its address, as REPLIES names it
 */
export function httpSource(entry: string, options: HttpReplies): LoadedSource {
  const url = new URL(entry);
  // The rest of an address may be a secret.
  const name = `${url.origin}${url.pathname}`;
  return { name, open: async (services) => openSource(name, url, options, services) };
}

function openSource(name: string, url: URL, options: HttpReplies, services: SourceServices): ReplySource {
  const { timeoutMs, allowPrivateAddresses, callbackUrl, callbackWaitMs, turns } = options;
  const { pool, proxies, tracing, clock } = services;
  const backEnd = createBackEnd({ url, timeoutMs, allowPrivateAddresses, proxies });
  const callbacks =
    callbackUrl === undefined
      ? undefined
      : createCallbacks({
          ...{ statements: createReplyCallbacks(pool), baseUrl: callbackUrl, source: name },
          ...{ waitMs: callbackWaitMs, clock },
        });
  const ask = createAsk({ name, backEnd, sign: createSigner(services.httpReplySecrets), tracing, clock });

  async function answer(context: ReplyContext): Promise<ReplyResult | Deferred> {
    const history = readHistory(context, turns);
    const offered = await callbacks?.offer(context);
    switch (offered?.state) {
      case 'answered':
        return toResult(offered.answer, context);
      case 'awaited':
        return new Deferred(new Date(Math.max(offered.until.getTime(), clock().getTime() + soonMs)));
      case 'over':
        throw new SourceError(
          `${name} said that it answers later (202), and did not until its callback had expired`,
          'never',
        );
    }
    const offer = offered?.offer;
    const outcome = await ask(context, offer, await history);
    return settle(outcome, context, offer && callbacks ? { offer, callbacks } : undefined);
  }

  async function settle(
    outcome: BackEndOutcome,
    context: ReplyContext,
    later: { offer: Offer; callbacks: Callbacks } | undefined,
  ): Promise<ReplyResult | Deferred> {
    if (outcome.kind === 'response' && outcome.status === 202) return awaitLater(context, later);
    const result = outcomeToResult(name, outcome, context);
    later?.callbacks.drop(later.offer);
    return result;
  }

  async function awaitLater(
    context: ReplyContext,
    later: { offer: Offer; callbacks: Callbacks } | undefined,
  ): Promise<ReplyResult | Deferred> {
    if (!later) {
      const reason =
        callbackUrl === undefined
          ? 'REPLIES_CALLBACK_URL is not set'
          : 'the reply window is over, so it had no callback';
      throw new SourceError(`${name} wants to answer later (202), and ${reason}`, 'never');
    }
    const { offer, callbacks } = later;
    const come = await callbacks.awaitReply(offer);
    if (come) return toResult(come.answer, context);
    context.log.info({ event: 'reply_awaited', source: name, until: offer.expiresAt }, 'reply awaited');
    return new Deferred(offer.expiresAt);
  }

  return { name, answer, close: () => backEnd.close() };
}

/** Begun beside the commit of a callback's token, and read for nothing where the answer has come by now. */
function readHistory(context: ReplyContext, turns: number): Promise<readonly Turn[]> {
  if (turns === 0) return Promise.resolve([]);
  const history = context.history({ turns });
  // Who awaits it is told; but perhaps nobody does.
  history.catch(() => undefined);
  return history;
}

/** By our clock a callback may have expired a little before it has by the database's. */
const soonMs = 250;

function createAsk({
  name,
  backEnd,
  sign,
  tracing,
  clock,
}: {
  name: string;
  backEnd: BackEnd;
  sign: ReturnType<typeof createSigner>;
  tracing: Pick<Tracing, 'within'>;
  clock(): Date;
}): (context: ReplyContext, offer: Offer | undefined, history: readonly Turn[]) => Promise<BackEndOutcome> {
  const call = callOf(name);
  return async (context, offer, history) => {
    const id = `msg_${context.account.appId}_${context.messageId}`;
    const callback = offer && { url: offer.url, token: offer.token, expiresAt: offer.expiresAt };
    const body = requestBody(context, { id, history, callback });
    return tracing.within(call, (span) => {
      const trace = span?.traceparent ?? traceparent(context.requestId);
      return backEnd.post({ ...sign(id, clock(), body), traceparent: trace }, body, context.signal);
    });
  };
}

/** As a trace has it. */
function callOf(name: string): Part<BackEndOutcome> {
  const attributes = { 'http.request.method': 'POST', 'url.full': name };
  return {
    name: 'POST',
    kind: 'call',
    attributes: () => attributes,
    conclude(outcome) {
      if (outcome.kind === 'failure') return { error: outcome.kind };
      const { status } = outcome;
      return {
        attributes: { 'http.response.status_code': status },
        error: status >= 400 ? String(status) : undefined,
      };
    },
  };
}

/** Statuses after which it is worth asking again, beside 5xx. */
const passing: ReadonlySet<number> = new Set([408, 425, 429]);

/** @throws SourceError; an error that says what is wrong with the answer */
function outcomeToResult(name: string, outcome: BackEndOutcome, context: ReplyContext): ReplyResult {
  if (outcome.kind === 'failure')
    throw new SourceError(`${name}: ${outcome.problem}`, outcome.isFinal ? 'never' : 'outage');
  const { status, retryAfter, body } = outcome;
  if (status === 204) return [];
  if (status === 200) return toResult(parseAnswer(body), context);
  const problem = `${name} responded with ${status}${excerpt(body)}`;
  if (status < 500 && !passing.has(status)) throw new SourceError(problem, 'never');
  throw new SourceError(problem, 'outage', retryAfterMs(retryAfter, Date.now()));
}

/** undefined: not its to answer, so that the next source is asked. */
function toResult(answer: unknown, context: ReplyContext): ReplyResult {
  const read = readAnswer(answer);
  if (read.kind === 'next') return undefined;
  if (read.handOver !== undefined) context.handOver(read.handOver);
  return read.replies;
}

/** Seconds, or a date. Source: RFC 9110, 10.2.3. */
function retryAfterMs(value: string | undefined, now: number): number {
  if (value === undefined) return 0;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}

const excerptLength = 200;

/** What an error page says first helps whoever looks for the reason. */
function excerpt(body: string): string {
  const text = body.replace(/\s+/g, ' ').trim();
  return text === '' ? '' : `: ${text.slice(0, excerptLength)}`;
}
