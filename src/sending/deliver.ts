import type { AccessTokens } from '../accounts/access-token.js';
import type { Pauses } from '../accounts/pauses.js';
import type { AccountConfig } from '../config/settings.js';
import { isOutage } from '../db/errors.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { createWideLines } from '../observe/wide-lines.js';
import type { ClaimedMessage, OpenDelivery } from '../outbox/claim.js';
import type { Result, Start } from '../outbox/record.js';
import type { WeChatClient } from '../wechat/out/client.js';
import { TokenError } from '../wechat/out/errors.js';
import { logAttempt, logNoCall } from './attempt-log.js';
import { type Decision, type DecisionInput, decide, type Outcome } from './decide.js';
import type { Media, Resolved, UsedUpload } from './media.js';
import { type RetryPolicy, urgentPolicy } from './retry-policy.js';

export interface DeliverDependencies {
  client: Pick<WeChatClient, 'sendMessage'>;
  tokens: AccessTokens;
  media: Media;
  pauses: Pick<Pauses, 'isPaused' | 'pause' | 'resume'>;
  start(start: Start): Promise<boolean>;
  record(result: Result): Promise<boolean>;
  policy: RetryPolicy;
  /** How long a worker must be missing before its work is given away. */
  rescueAfterMs: number;
  clock: () => Date;
  /** Milliseconds that never run backwards, also while the process stands still. */
  now(): number;
  random: () => number;
  log: Logger;
  metrics: Metrics;
}

export interface DeliverOptions {
  account: AccountConfig;
  /** When leave for its attempt was asked for along with the plan, which stored it as begun; else undefined. */
  askedAt: number | undefined;
  /** The last open delivery of its message: its end settles the message. */
  last: boolean;
  /** Called when nothing more is to be sent for the message for now, before that is on record. */
  onLastCall(): void;
}

export type DeliverEnd =
  | { kind: 'final' }
  /** Final, and so is what follows it in the reply. */
  | { kind: 'final-with-rest'; status: 'failed' | 'expired'; errcode: number | undefined; errmsg: string }
  | { kind: 'later'; delayMs: number }
  /** The account rests: the message goes on when it is resumed. */
  | { kind: 'paused' }
  /** The message is another worker's by now: nothing more may be done for it. */
  | { kind: 'lost' };

export type Deliver = (
  message: ClaimedMessage,
  delivery: OpenDelivery,
  options: DeliverOptions,
) => Promise<DeliverEnd>;

/**
 * Sends one delivery: makes ready what the call needs (token, uploaded files), begins an attempt, calls WeChat, records
 * what came of it, and does so again at once where WeChat refused the token or a media_id that can be had anew.
 */
export function createDeliver(dependencies: DeliverDependencies): Deliver {
  const { client, tokens, media, pauses, start, record, policy, clock, now, random, log, metrics } =
    dependencies;
  const leaveLastsMs = dependencies.rescueAfterMs / 2;

  const urgent = urgentPolicy(policy);
  const lines = createWideLines(log);

  return async (message, delivery, { account, askedAt: plannedAt, last, onLastCall }) => {
    const { appId, workerId } = message;
    const deliveryId = delivery.id;
    const about = { log, lines, metrics, message, deliveryId };
    /** Number of the latest attempt that is on record as begun. */
    let attempt = delivery.attempts;
    /** When leave was asked for an attempt that is begun and not made yet. */
    let askedAt = plannedAt;
    let token = '';
    let used: readonly UsedUpload[] = [];
    const renewed = { token: false, media: false };

    if (askedAt === undefined && delivery.attemptStartedAt) {
      const end = await recordLostAttempt(delivery.attemptStartedAt);
      if (end) return end;
    }
    if (askedAt === undefined && !message.isProbe && pauses.isPaused(appId)) return { kind: 'paused' };

    const withoutToken = await renewing(() => tokens.get(account));
    if (withoutToken) return withoutToken;
    for (;;) {
      const end = await tryOnce();
      if (end) return end;
    }

    /** Resolves with undefined when another try follows at once. */
    async function tryOnce(): Promise<DeliverEnd | undefined> {
      const ready = await media.resolve(account, token, delivery.payload);
      if (ready.kind !== 'ready') return withoutCall(toOutcome(ready), 'media');
      used = ready.used;
      if (!(await obtainLeave())) return { kind: 'lost' };
      const startedAt = clock();
      const outcome = await client.sendMessage(token, message.openid, ready.payload);
      const finishedAt = clock();
      const decision = decide(outcome, rules(finishedAt));
      // A reply that failed for itself alone is followed by the next.
      const isPutOff = decision.status === 'pending' && !decision.renew;
      if (isPutOff || decision.restStatus || (last && !decision.renew)) onLastCall();
      logAttempt(about, { decision, attempt, durationMs: finishedAt.getTime() - startedAt.getTime() });
      const { httpStatus, outcome: attemptOutcome } = decision;
      return conclude(decision, { startedAt, finishedAt, outcome: attemptOutcome, httpStatus });
    }

    /**
     * Puts the attempt on record as begun, if the message is still this worker's. The answer may come late, to a
     * process that stood still (stopped, or cut off from Postgres): by then the message may have been given away, and
     * sent by another. So leave that is not fresh is asked for again, right before the call.
     */
    async function obtainLeave(): Promise<boolean> {
      if (askedAt === undefined) attempt += 1;
      while (askedAt === undefined || now() - askedAt > leaveLastsMs) {
        askedAt = now();
        if (!(await start({ deliveryId, workerId, attempt }))) return false;
      }
      askedAt = undefined;
      return true;
    }

    function rules(at: Date): DecisionInput {
      return {
        policy: message.isUrgent ? urgent : policy,
        failures: delivery.failures,
        tokenIsFresh: renewed.token,
        mediaIsRenewable: used.length > 0 && !renewed.media,
        windowEndsAt: delivery.ignoresWindow ? undefined : message.windowEndsAt,
        onUnknown: account.onUnknown,
        now: at,
        random: random(),
      };
    }

    /** An attempt of a worker that died: nobody knows what came of it. */
    async function recordLostAttempt(startedAt: Date): Promise<DeliverEnd | undefined> {
      const errmsg = 'the worker stopped before an answer was recorded';
      const finishedAt = clock();
      const decision = decide({ kind: 'unknown', errmsg }, { ...rules(finishedAt), random: 0 });
      logAttempt(about, { decision, attempt, durationMs: 0 });
      const end = await conclude(decision, {
        startedAt,
        finishedAt,
        outcome: decision.outcome,
        httpStatus: undefined,
      });
      if (end && end.kind !== 'later') return end;
      delivery.failures = decision.failures;
      return undefined;
    }

    /** Waiting for what a call needs is no attempt, but it counts as a failure, for backoff and an end. */
    async function withoutCall(
      outcome: Outcome,
      wanting: 'access token' | 'media',
    ): Promise<DeliverEnd | undefined> {
      const decision = decide(outcome, rules(clock()));
      logNoCall(about, { decision, wanting });
      return conclude({ ...decision, errmsg: `no ${wanting}: ${decision.errmsg}` }, undefined);
    }

    /** Writes the decision down and carries it out. Resolves with undefined when another try follows at once. */
    async function conclude(decision: Decision, call: Result['call']): Promise<DeliverEnd | undefined> {
      const { status, errcode, errmsg, failures, delayMs, restStatus, pause, renew } = decision;
      const isFinal = status !== 'pending';
      const settlesMessage = isFinal && last;
      // Before the refusal is on record: who sees it there may rely on the pause.
      if (pause && (await pauses.pause({ appId, errcode, errmsg, ...pause }))) {
        log.error({ event: 'account_paused', app_id: appId, ...pause, errcode, errmsg }, 'account paused');
      }
      const owned = await record({
        deliveryId,
        messageId: message.id,
        workerId,
        attempt,
        call,
        errcode,
        errmsg,
        status,
        failures,
        delayMs,
        settlesMessage,
      });
      if (message.isProbe && !pause && isFinal && call) {
        await pauses.resume(appId);
        log.info({ event: 'account_resumed', app_id: appId, by: 'probe' }, 'account resumed');
      }
      if (!owned) return { kind: 'lost' };
      if (pause) return { kind: 'paused' };
      if (renew === 'token') return renewing(() => tokens.replace(account, token), 'token');
      if (renew === 'media') return forgetting();
      if (!isFinal) return { kind: 'later', delayMs: delayMs ?? 0 };
      if (restStatus) return { kind: 'final-with-rest', status: restStatus, errcode, errmsg };
      return { kind: 'final' };
    }

    async function renewing(obtain: () => Promise<string>, what?: 'token'): Promise<DeliverEnd | undefined> {
      try {
        token = await obtain();
        if (what) renewed.token = true;
        return undefined;
      } catch (error) {
        renewed.token = true;
        return withoutCall(describeTokenError(error), 'access token');
      }
    }

    async function forgetting(): Promise<undefined> {
      await media.forget(used);
      renewed.media = true;
    }
  };
}

/** To upload twice does no harm: an unknown outcome is one to try again. */
function toOutcome(problem: Exclude<Resolved, { kind: 'ready' }>): Outcome {
  switch (problem.kind) {
    case 'refused':
      return { kind: 'unusable', errmsg: problem.problem };
    case 'transient':
      return { kind: 'transient', errmsg: problem.problem };
    case 'not-uploaded':
      return problem.outcome.kind === 'refused' ? problem.outcome : { ...problem.outcome, kind: 'transient' };
  }
}

/** Besides WeChat, Postgres may keep us from a token: it is read from there. */
function describeTokenError(error: unknown): Outcome {
  if (error instanceof TokenError) {
    const { errcode, errmsg, errorClass } = error;
    if (errcode === undefined || errorClass === 'transient') return { kind: 'transient', errmsg };
    return { kind: 'refused', httpStatus: 200, errcode, errmsg, errorClass };
  }
  if (isOutage(error)) return { kind: 'transient', errmsg: `database away: ${error}` };
  throw error;
}
