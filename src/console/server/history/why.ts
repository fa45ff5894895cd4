import { isLimited, isStopped } from '../../../replies/checks/notes.js';
import type { WhyCause } from '../../contract/history.js';
import { holderOf } from '../conversations/state.js';
import type { SituatedDelivery, SituatedMessage, Situation } from './situation.js';

/** A cause, and what is known of it. */
export interface Cause {
  cause: WhyCause;
  messageId: string | null;
  deliveryId: string | null;
  at: string | null;
  error: string | null;
  code: number | null;
  agent: string | null;
  worker: number | null;
  /** A back end, as REPLIES names it. */
  source: string | null;
  attempts: number;
  earlier: number;
  count: number;
}

const blank = {
  ...{ messageId: null, deliveryId: null, at: null, error: null, code: null },
  ...{ agent: null, worker: null, source: null, attempts: 0, earlier: 0, count: 0 },
};

const of = (cause: WhyCause, facts: Partial<Cause> = {}): Cause => ({ ...blank, ...facts, cause });

/** Why this user has no answer, the deciding cause first. Pure: the whole of it follows from the states. */
export function decideWhy(situation: Situation): Cause[] {
  const { latest, open } = situation;
  if (!latest) return neverStored(situation);
  if (latest.isForgotten) return [of('forgotten', aboutMessage(latest))];
  if (open) return waiting(situation, open);
  return [...ended(latest, situation), ...unlessSaid(takenOver(situation), latest), ...refused(situation)];
}

function neverStored(situation: Situation): Cause[] {
  return [
    ...(situation.isConfigured ? [] : [of('account_unknown')]),
    ...refused(situation),
    of('never_pushed'),
  ];
}

/** Whose they were nobody knows: what this user wrote last may be among them. */
function refused({ refusedPushes }: Situation): Cause[] {
  return refusedPushes > 0 ? [of('refused', { count: refusedPushes })] : [];
}

/** What holds up everybody comes before what holds up this one. */
function waiting(situation: Situation, open: SituatedMessage): Cause[] {
  const { isConfigured, workersAlive, pause, earlier } = situation;
  const first = situation.first ?? open;
  return [
    ...takenOver(situation),
    ...(isConfigured ? [] : [of('account_unknown', aboutMessage(open))]),
    ...(workersAlive > 0 ? [] : [of('no_worker', aboutMessage(open))]),
    ...(pause ? [of('account_paused', { ...pause, at: pause.since })] : []),
    ...underWay(situation, first),
    ...(first.id === open.id ? [] : [of('waiting_for_turn', { ...aboutMessage(open), earlier })]),
  ];
}

function takenOver({ handover }: Situation): Cause[] {
  if (!handover) return [];
  return [of('taken_over', { at: handover.since, agent: holderOf(handover) })];
}

/** Of the one that its conversation is at. */
function underWay({ lane, awaited }: Situation, first: SituatedMessage): Cause[] {
  const about = aboutMessage(first);
  const held = lane?.workerId ?? null;
  if (first.deliveries.length > 0) return planned(first, held);
  if (held !== null) return [of('being_answered', { ...about, worker: held, at: lane?.claimedAt ?? null })];
  if (lane && lane.failures > 0)
    return [of('reply_retrying', { ...about, at: lane.dueAt, error: lane.error, attempts: lane.failures })];
  if (lane && !lane.isDue) {
    return awaited
      ? [of('awaiting_back_end', { ...about, at: awaited.until, source: awaited.source })]
      : [of('put_off', { ...about, at: lane.dueAt })];
  }
  return [of('waiting_for_turn', { ...about, at: lane?.dueAt ?? null })];
}

function planned(message: SituatedMessage, worker: number | null): Cause[] {
  const next = message.deliveries.find(({ status }) => status === 'pending' || status === 'sending');
  const others = endings(message).filter(({ cause }) => cause !== 'answered');
  if (!next) return others;
  const about = { ...aboutDelivery(message, next), worker };
  if (next.status === 'sending') return [of('being_answered', about), ...others];
  return [of(next.attempts > 0 ? 'delivery_retrying' : 'delivery_waiting', about), ...others];
}

/** Of one that is settled or failed. */
function ended(message: SituatedMessage, { handover }: Situation): Cause[] {
  const { error, deliveries, forAgent, status } = message;
  const about = { ...aboutMessage(message), error };
  const found = endings(message);
  if (forAgent && !found.some(({ cause }) => cause === 'answered'))
    return [of('taken_over', { ...about, agent: handover ? holderOf(handover) : null }), ...found];
  if (status === 'failed')
    return [of(error !== null && isStopped(error) ? 'stopped' : 'reply_failed', about), ...found];
  if (deliveries.length > 0) return found;
  if (error === null) return [of('nothing_to_say', about)];
  return [of(isCancelled(error) ? 'cancelled' : noteCause(error), about)];
}

/** By how each of its deliveries ended, what went wrong first. */
function endings(message: SituatedMessage): Cause[] {
  const { deliveries, error } = message;
  const wrong = deliveries.flatMap((delivery) => {
    const cause = endingOf(delivery);
    return cause === undefined || cause === 'answered' ? [] : [of(cause, aboutDelivery(message, delivery))];
  });
  const sent = deliveries.filter(({ status }) => status === 'sent').at(-1);
  return [
    ...wrong,
    ...(deliveries.length > 0 && error !== null && !isCancelled(error)
      ? [of(noteCause(error), { ...aboutMessage(message), error })]
      : []),
    ...(sent ? [of('answered', aboutDelivery(message, sent))] : []),
  ];
}

function endingOf({ status }: SituatedDelivery): WhyCause | undefined {
  switch (status) {
    case 'sent':
      return 'answered';
    case 'failed':
      return 'delivery_failed';
    case 'expired':
      return 'window_over';
    case 'unknown':
      return 'delivery_unknown';
    case 'cancelled':
      return 'cancelled';
    case 'pending':
    case 'sending':
      return undefined;
  }
}

/** Of what stands in the column of errors. */
function noteCause(error: string): WhyCause {
  if (isLimited(error)) return 'limited';
  if (isStopped(error)) return 'stopped';
  return isCut(error) ? 'cut' : 'reply_failed';
}

/** As src/replies/fit.ts says it. */
const isCut = (error: string) => error.includes('the reply was cut');
/** As wechat.cancel_message says it. */
const isCancelled = (error: string) => error === 'cancelled by an operator';

/** A conversation that is taken is told once. */
function unlessSaid(causes: readonly Cause[], { forAgent, deliveries }: SituatedMessage): Cause[] {
  return forAgent && !deliveries.some(({ status }) => status === 'sent') ? [] : [...causes];
}

function aboutMessage({ id, receivedAt }: SituatedMessage): Pick<Cause, 'messageId' | 'at'> {
  return { messageId: id, at: receivedAt };
}

function aboutDelivery(
  { id }: SituatedMessage,
  delivery: SituatedDelivery,
): Pick<Cause, 'messageId' | 'deliveryId' | 'at' | 'code' | 'error' | 'attempts'> {
  const { code, error, attempts, at } = delivery;
  // 0 is success.
  return { messageId: id, deliveryId: delivery.id, at, code: code || null, error, attempts };
}
