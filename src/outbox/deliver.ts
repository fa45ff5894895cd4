import type { AccountConfig } from '../config.js';
import { isOutage } from '../db/errors.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { AccessTokens } from '../wechat/access-token.js';
import type { SendOutcome, WeChatClient } from '../wechat/client.js';
import { TokenError } from '../wechat/errors.js';
import type { ClaimedMessage, OpenDelivery } from './claim.js';
import { accountProbeMs, type Decision, type DecisionInput, decide } from './decide.js';
import type { Result, Start } from './record.js';
import type { RetryPolicy } from './retry-policy.js';

export interface DeliverDependencies {
  client: WeChatClient;
  tokens: AccessTokens;
  start(start: Start): Promise<boolean>;
  record(result: Result): Promise<boolean>;
  policy: RetryPolicy;
  onUnknown: 'resend' | 'hold';
  clock: () => Date;
  random: () => number;
  log: Logger;
  metrics: Metrics;
}

export interface DeliverOptions {
  account: AccountConfig;
  /** Its attempt is on record as begun already (with the plan). */
  begun: boolean;
  /** The last open delivery of its message: its end settles the message. */
  last: boolean;
}

export type DeliverEnd =
  | { kind: 'final' }
  /** Final, and so is what follows it in the reply. */
  | { kind: 'final-with-rest'; status: 'failed' | 'expired'; errcode: number | undefined; errmsg: string }
  | { kind: 'later'; delayMs: number }
  /** The message is another worker's by now: nothing more may be done for it. */
  | { kind: 'lost' };

export type Deliver = (
  message: ClaimedMessage,
  delivery: OpenDelivery,
  options: DeliverOptions,
) => Promise<DeliverEnd>;

/** Sends one delivery: begins an attempt, calls WeChat, records what came of it, and renews the token if need be. */
export function createDeliver(dependencies: DeliverDependencies): Deliver {
  const { client, tokens, start, record, policy, onUnknown, clock, random, log, metrics } = dependencies;

  return async (message, delivery, { account, begun, last }) => {
    const base = { deliveryId: delivery.id, messageId: message.id, workerId: message.workerId };
    const rules = (tokenIsFresh: boolean): DecisionInput => ({
      policy,
      failures: delivery.failures,
      tokenIsFresh,
      windowEndsAt: message.windowEndsAt,
      onUnknown,
      now: clock(),
      random: random(),
    });
    let attempt = begun ? delivery.attempts : delivery.attempts + 1;

    if (!begun && delivery.attemptStartedAt) {
      const lost = await recordLostAttempt(delivery.attemptStartedAt);
      if (lost) return lost;
    }

    let token: string;
    try {
      token = await tokens.get(account);
    } catch (error) {
      return withoutToken(error, begun ? attempt : attempt - 1);
    }
    for (let tokenIsFresh = false; ; tokenIsFresh = true, begun = false, attempt += 1) {
      if (!begun && !(await start({ ...base, attempt }))) return { kind: 'lost' };
      const startedAt = clock();
      const outcome = await client.sendMessage(token, message.openid, delivery.payload);
      const decision = decide(outcome, rules(tokenIsFresh));
      const finishedAt = clock();
      logAttempt(decision, attempt, finishedAt.getTime() - startedAt.getTime());
      const { httpStatus, outcome: attemptOutcome } = decision;
      const end = await write(decision, attempt, {
        startedAt,
        finishedAt,
        outcome: attemptOutcome,
        httpStatus,
      });
      if (end) return end;
      try {
        token = await tokens.replace(account, token);
      } catch (error) {
        return withoutToken(error, attempt);
      }
    }

    /** An attempt of a worker that died: nobody knows what came of it. */
    async function recordLostAttempt(startedAt: Date): Promise<DeliverEnd | undefined> {
      const errmsg = 'the worker stopped before an answer was recorded';
      const decision = decide({ kind: 'unknown', errmsg }, { ...rules(false), random: 0 });
      const call = { startedAt, finishedAt: clock(), outcome: decision.outcome, httpStatus: undefined };
      logAttempt(decision, delivery.attempts, 0);
      const end = await write(decision, delivery.attempts, call);
      if (end && end.kind !== 'later') return end;
      delivery.failures = decision.failures;
      return undefined;
    }

    /** No call can be made. Waiting for a token is no attempt, but it counts as a failure, for backoff and an end. */
    async function withoutToken(error: unknown, latestAttempt: number): Promise<DeliverEnd> {
      const { errcode, errmsg, errorClass } = describeTokenError(error);
      const outcome: SendOutcome =
        errcode === undefined || errorClass === 'transient'
          ? { kind: 'transient', errmsg }
          : { kind: 'refused', httpStatus: 200, errcode, errmsg, errorClass };
      const decision = decide(outcome, rules(true));
      log.error(
        {
          event: 'no_access_token',
          app_id: message.appId,
          delivery_id: delivery.id,
          errcode,
          errmsg,
          error_class: errorClass,
        },
        'no access token',
      );
      const end = await write(
        { ...decision, errcode, errmsg: `no access token: ${errmsg}` },
        latestAttempt,
        undefined,
      );
      return end ?? { kind: 'later', delayMs: accountProbeMs };
    }

    /** Resolves with undefined when another attempt follows at once, with a new token. */
    async function write(
      decision: Decision,
      latestAttempt: number,
      call: Result['call'],
    ): Promise<DeliverEnd | undefined> {
      const { status, errcode, errmsg, failures, delayMs, restStatus } = decision;
      const isFinal = status !== 'pending';
      const owned = await record({
        ...base,
        attempt: latestAttempt,
        call,
        errcode,
        errmsg,
        status,
        failures,
        delayMs,
        settlesMessage: isFinal && last,
      });
      if (!owned) return { kind: 'lost' };
      if (!isFinal) return delayMs === undefined ? undefined : { kind: 'later', delayMs };
      if (restStatus) return { kind: 'final-with-rest', status: restStatus, errcode, errmsg };
      return { kind: 'final' };
    }

    function logAttempt(
      { outcome, status, errcode, errmsg, httpStatus }: Decision,
      number: number,
      duration: number,
    ): void {
      metrics.attempts.inc({ account: message.appId, outcome, errcode: String(errcode ?? '') });
      log[outcome === 'sent' ? 'info' : 'warn'](
        {
          event: 'attempt',
          app_id: message.appId,
          message_id: message.id,
          delivery_id: delivery.id,
          attempt: number,
          outcome,
          status,
          errcode,
          errmsg,
          http_status: httpStatus,
          duration_ms: duration,
        },
        'attempt',
      );
    }
  };
}

/** Besides WeChat, Postgres may keep us from a token: it is read from there. */
function describeTokenError(error: unknown): Pick<TokenError, 'errcode' | 'errmsg' | 'errorClass'> {
  if (error instanceof TokenError) return error;
  if (isOutage(error))
    return { errcode: undefined, errmsg: `database away: ${error}`, errorClass: 'transient' };
  throw error;
}
