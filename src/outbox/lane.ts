import type { FieldMap } from '../wechat/in/fields.js';
import type { WirePayload } from '../wechat/out/reply.js';

/** A worker's hold on a lane. Every later write repeats it: it fences off whoever lost the lane and does not know. */
export interface Hold {
  laneId: string;
  /** Unique over all workers and all time (see claim.ts). */
  claim: string;
}

/**
 * For maps of what a statement gave back. By the lane alone would not do: a process that was declared dead and goes on may hold
 * a lane again, and still ask for it under its old claim, in the same set.
 */
export function holdKey(laneId: string, claim: string): string {
  return `${laneId} ${claim}`;
}

/** A lane as it was looked at under a claim: what is to be done next, and what settling must compare with. */
export interface HeldLane extends Hold {
  appId: string;
  openid: string;
  /** How many arrivals this look has seen. */
  arrivals: string;
  /** The cursor that it has seen. */
  doneId: string;
  /** How often the reply logic failed for `message`. */
  failures: number;
  /** How often a worker died while the reply logic of `message` ran, or may have run. */
  crashes: number;
  /** A person has the conversation, or is asked for: what is not planned is not for the reply logic. */
  isTaken: boolean;
  /** Replies of the reply logic are not to be sent any more: an agent took over, and chose so. */
  isHushed: boolean;
  /** Let through a pause of its account, to see whether sending works again. */
  isProbe: boolean;
  /** The first that is not settled; undefined in a lane of which only duplicates came. */
  message: OpenMessage | undefined;
  /** When the message behind it was stored; undefined where there was none. */
  nextReceivedAt: Date | undefined;
}

export interface OpenMessage {
  id: string;
  /** Of the push that brought it, for the log. */
  requestId: string | undefined;
  /** Where a trace of it goes on; undefined where nothing recorded its push. */
  traceparent: string | undefined;
  receivedAt: Date;
  /** The end of the longest reply window that is open for it: its own, or one that another message opened. */
  windowEndsAt: Date | undefined;
  /** How many replies its window allows; undefined when that is not known. */
  windowQuota: number | undefined;
  /** Its own window is of minutes only. */
  isUrgent: boolean;
  /** As WeChat sent it. */
  fields: FieldMap;
  /** Whether the result of its reply logic is stored: then the logic does not run again. */
  isPlanned: boolean;
  /** Whether it is decided which messages are answered with it (see merge.ts): none with an event, nor where the account keeps no order. */
  isGathered: boolean;
  /** Of a message whose reply logic is to run: the earlier ones that are answered with it, oldest first, as WeChat sent them. */
  merged: readonly FieldMap[];
  /** Those that are not final, in order. */
  deliveries: OpenDelivery[];
}

export interface OpenDelivery {
  id: string;
  position: number;
  payload: WirePayload;
  /** HTTP calls begun so far. */
  attempts: number;
  failures: number;
  /** Of the reply logic, not of a person. */
  isReply: boolean;
  /** By an operator's force: tried although its window is over. */
  ignoresWindow: boolean;
  /** Set when an attempt was begun and its end is not on record. */
  attemptStartedAt: Date | undefined;
}
