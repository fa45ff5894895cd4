import type { DeliveryEnd } from '../outbox/end.js';
import type { Conversation, Handovers } from '../outbox/handover.js';
import type { HeldLane, Hold, OpenMessage } from '../outbox/lane.js';
import type { SettleResult } from '../outbox/settle.js';
import type { FieldMap } from '../wechat/in/fields.js';
import { endWithoutCall } from './give-up.js';
import type { LaneEnds, Next } from './lane-ends.js';

export interface HandoverDependencies {
  handovers: Handovers;
  entrust(lane: HeldLane): Promise<SettleResult>;
  end(end: Hold & DeliveryEnd): Promise<boolean>;
  clock: () => Date;
  /** With one of these texts a user has the reply logic back. */
  handBackWords: readonly string[];
}

export interface HandoverWork {
  /** Whether there is anything to ask `workOn` for. */
  concerns(lane: HeldLane, message: OpenMessage): boolean;
  /**
   * What a takeover says of a message before the reply logic sees it, or its replies are sent.
   *
   * @returns undefined: nothing, go on
   */
  workOn(lane: HeldLane, message: OpenMessage): Promise<Next | undefined>;
  /** The reply logic asks for a person, and has nothing to say itself. */
  askForPerson(lane: HeldLane, reason: string): Promise<Next>;
}

export function createHandoverWork(
  { handovers, entrust, end, clock, handBackWords }: HandoverDependencies,
  { settle, observeSettled }: Pick<LaneEnds, 'settle' | 'observeSettled'>,
): HandoverWork {
  const words = new Set(handBackWords.map(plain));

  return {
    concerns: ({ isTaken, isHushed }, { fields, isPlanned }) =>
      isPlanned ? isHushed : isTaken || sessionOf(fields) !== undefined,
    workOn(lane, message) {
      if (message.isPlanned) return dropReplies(lane, message);
      const session = sessionOf(message.fields);
      if (session) return follow(lane, session);
      return lane.isTaken ? leaveToAgent(lane, message) : Promise.resolve(undefined);
    },
    async askForPerson(lane, reason) {
      await handovers.requestPerson(conversationOf(lane), reason);
      return entrustFirst(lane);
    },
  };

  async function leaveToAgent(lane: HeldLane, { fields }: OpenMessage): Promise<Next> {
    const { MsgType, Content } = fields;
    if (MsgType === 'text' && typeof Content === 'string' && words.has(plain(Content))) {
      await handovers.returnByUser(conversationOf(lane));
      // The word itself is for the reply logic, too.
      return 'look';
    }
    return entrustFirst(lane);
  }

  async function entrustFirst(lane: HeldLane): Promise<Next> {
    const result = await entrust(lane);
    if (result !== 'refused' && lane.message) observeSettled(lane, lane.message);
    return result === 'gone' ? 'done' : 'look';
  }

  /** Its end is told to the reply logic, which speaks again from there on; the rest is nobody's to answer. */
  async function follow(lane: HeldLane, { kfAccount }: Session): Promise<Next | undefined> {
    const isTaken = await handovers.followSession(conversationOf(lane), kfAccount);
    return isTaken ? settle({ lane, status: 'settled' }) : undefined;
  }

  /** What was under way when an agent took over, and is to be tried again: nobody waits for it any more. */
  async function dropReplies(lane: HeldLane, { deliveries }: OpenMessage): Promise<Next | undefined> {
    const dropped = lane.isHushed ? deliveries.filter(({ isReply }) => isReply) : [];
    if (dropped.length === 0) return undefined;
    for (const delivery of dropped) {
      const how = endWithoutCall(delivery, 'cancelled', 'cancelled: an agent took over', clock());
      await end({ laneId: lane.laneId, claim: lane.claim, ...how });
    }
    return 'look';
  }
}

interface Session {
  /** Undefined: it ended. */
  kfAccount: string | undefined;
}

/** What an event of Tencent's own customer service says. */
function sessionOf({ MsgType, Event, KfAccount, ToKfAccount }: FieldMap): Session | undefined {
  if (MsgType !== 'event' || typeof Event !== 'string') return undefined;
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : 'unknown');
  switch (Event.toLowerCase()) {
    case 'kf_create_session':
      return { kfAccount: text(KfAccount) };
    case 'kf_switch_session':
      return { kfAccount: text(ToKfAccount) };
    case 'kf_close_session':
      return { kfAccount: undefined };
    default:
      return undefined;
  }
}

function conversationOf({ appId, openid }: HeldLane): Conversation {
  return { appId, openid };
}

function plain(text: string): string {
  return text.trim().toLowerCase();
}
