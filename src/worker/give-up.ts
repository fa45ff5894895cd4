import type { DeliveryEnd } from '../outbox/end.js';
import type { HeldLane, OpenDelivery, OpenMessage } from '../outbox/lane.js';
import type { Settlement } from '../outbox/settle.js';

export interface GiveUp {
  /** Of the deliveries that were not begun. */
  status: 'failed' | 'expired';
  problem: string;
  at: Date;
}

/** The end of a message of which nothing more will be tried. An attempt whose end is not on record may have been sent: it says so. */
export function givenUp(lane: HeldLane, message: OpenMessage, { status, problem, at }: GiveUp): Settlement {
  const rest = { status, errcode: undefined, errmsg: problem };
  const [first] = message.deliveries;
  const end = first && endWithoutCall(first, status, problem, at);
  return { lane, status: message.isPlanned ? 'settled' : 'failed', error: problem, end, rest };
}

/** The end of a delivery that will not be tried again. An attempt that was begun may have come through. */
export function endWithoutCall(
  { id, attempts, failures, attemptStartedAt }: OpenDelivery,
  status: GiveUp['status'] | 'cancelled',
  problem: string,
  at: Date,
): DeliveryEnd {
  const ended = { deliveryId: id, attempt: attempts, errcode: undefined, errmsg: problem, failures };
  if (!attemptStartedAt) return { ...ended, status, delayMs: undefined };
  const call = {
    startedAt: attemptStartedAt,
    finishedAt: at,
    outcome: 'unknown',
    httpStatus: undefined,
  } as const;
  return { ...ended, call, status: 'unknown', delayMs: undefined };
}
