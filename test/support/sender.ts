import { setMaxListeners } from 'node:events';
import type pg from 'pg';
import { pino } from 'pino';
import { createPauses, type Pauses } from '../../src/accounts/pauses.js';
import { createSendRate } from '../../src/accounts/send-rate.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { createTracing } from '../../src/observe/tracing.js';
import { createBegin } from '../../src/outbox/begin.js';
import { createEnd } from '../../src/outbox/end.js';
import type { HeldLane } from '../../src/outbox/lane.js';
import { createPlanner } from '../../src/outbox/plan.js';
import { createSettle } from '../../src/outbox/settle.js';
import type { Media } from '../../src/sending/media.js';
import { createSendReply, type SendEnd, type SendReplyDependencies } from '../../src/sending/reply.js';
import { defaultRetryPolicy } from '../../src/sending/retry-policy.js';
import type { SendingAccount } from '../../src/sending/run.js';
import type { SendOutcome } from '../../src/wechat/out/client.js';
import { classifyErrcode } from '../../src/wechat/out/errors.js';
import type { WirePayload } from '../../src/wechat/out/reply.js';

/** A call for a delivery, as the API would get it. */
export interface SentCall {
  token: string;
  openid: string;
  payload: WirePayload;
  mayWrite(): boolean;
}

export interface SenderOptions {
  appId: string;
  /** What WeChat answers; default: all is sent. */
  answer?: (call: SentCall) => SendOutcome | Promise<SendOutcome>;
  media?: Partial<Media>;
  overrides?: Partial<SendReplyDependencies>;
  account?: Partial<SendingAccount>;
  /** What had to be cut from every reply. */
  note?: string;
}

export interface Sender {
  readonly calls: readonly SentCall[];
  readonly pauses: Pauses;
  readonly account: SendingAccount;
  /** Both clocks go on by so much. */
  pass(ms: number): void;
  drain(): void;
  /** Sends what is planned for the lane's first message, or these. */
  send(lane: HeldLane, ...payloads: WirePayload[]): Promise<SendEnd>;
}

export const accepted: SendOutcome = { kind: 'sent', httpStatus: 200, errmsg: 'ok' };

export function refusal(errcode: number, errmsg = 'no'): SendOutcome {
  return { kind: 'refused', httpStatus: 200, errcode, errmsg, errorClass: classifyErrcode(errcode) };
}

export const textPayload = (content: string): WirePayload => ({ msgtype: 'text', text: { content } });

/** The sending of replies over a real database, one statement an item, with an API that is played. */
export function createSender(pool: pg.Pool, options: SenderOptions): Sender {
  const { appId, answer = () => accepted, media = {}, overrides = {} } = options;
  const account: SendingAccount = {
    appId,
    appSecret: 'secret',
    accessTokenMode: 'stable',
    onUnknown: 'resend',
    sendRate: 0,
    ...options.account,
  };
  const calls: SentCall[] = [];
  const draining = new AbortController();
  setMaxListeners(0, draining.signal);
  let passedMs = 0;
  const now = () => performance.now() + passedMs;
  const clock = () => new Date(Date.now() + passedMs);
  const pauses = createPauses(pool);
  const begin = createBegin(pool).begin;
  const sendReply = createSendReply({
    plan: single(createPlanner(pool)),
    begin: single(begin),
    end: single(createEnd(pool)),
    settle: single(createSettle(pool)),
    clients: {
      sends: () => ({
        async sendMessage(token, openid, payload, { mayWrite = () => true } = {}) {
          const call = { token, openid, payload, mayWrite };
          calls.push(call);
          return answer(call);
        },
      }),
    },
    tokens: { peek: () => 'token-1', get: async () => 'token-1', replace: async () => 'token-2' },
    media: {
      resolve: async (_account, _token, payload) => ({ kind: 'ready', payload, used: [] }),
      forget: async () => undefined,
      ...media,
    },
    pauses,
    sendRate: createSendRate({ workers: () => 1, now, stop: draining.signal }),
    sendConcurrency: 10,
    policy: defaultRetryPolicy,
    rescueAfterMs: 15_000,
    clock,
    now,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    metrics: createMetrics([appId]),
    tracing: createTracing(),
    drain: draining.signal,
    ...overrides,
  });

  return {
    calls,
    pauses,
    account,
    pass(ms) {
      passedMs += ms;
    },
    drain: () => draining.abort(),
    send(lane, ...payloads) {
      if (!lane.message) throw new Error('The lane has no message');
      return sendReply(
        lane,
        lane.message,
        account,
        payloads.length > 0 ? { payloads, note: options.note } : undefined,
      );
    },
  };
}

function single<Item, Result>(
  run: (items: readonly Item[]) => Promise<Result[]>,
): (item: Item) => Promise<Result> {
  return async (item) => {
    const [result] = await run([item]);
    if (result === undefined) throw new Error('A statement gave no result');
    return result;
  };
}
