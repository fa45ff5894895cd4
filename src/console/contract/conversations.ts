/** Conversations, and agents who answer in them. */

export type ConversationState = 'waiting' | 'taken' | 'bot' | 'quiet';

/** GET conversations?state=&account=&q=&mine=1&unread=1&before=&limit= ; a page of history.ts, newest first. A page may be short, or empty, and have more behind it. */
export interface ConversationRow {
  account: string;
  openid: string;
  /** waiting: a person is asked for and none has come; taken: an agent holds it; bot; quiet: nothing of late */
  state: ConversationState;
  /** Who holds it. */
  agent: string | null;
  /** Why a person is asked for. */
  reason: string | null;
  /** When the user last wrote or did something: the order of the list. */
  lastAt: string;
  /** What was said last, by anybody. */
  lastText: string;
  lastFrom: 'user' | 'bot' | 'agent';
  /** Messages of the user that no agent has read since it was taken or asked for. */
  unread: number;
  windowEndsAt: string | null;
}

/** GET conversations/:account/:openid?before=&limit= */
export interface Conversation {
  account: string;
  openid: string;
  state: ConversationState;
  handover: {
    agent: string | null;
    reason: string | null;
    since: string;
    /** Handed back by itself then, unless somebody writes; null: never. */
    returnsAt: string | null;
    /** Held by Tencent's own customer service. */
    external: boolean;
  } | null;
  /** Null when nothing opened one. */
  window: { endsAt: string; quota: number | null; used: number } | null;
  /** Oldest first. */
  turns: Turn[];
  /** `before` of the page before; null at the beginning. */
  earlier: string | null;
}

export type Turn = UserTurn | SentTurn | EventTurn;

interface TurnBase {
  /** Unique in the conversation: `m12` or `d34`. */
  key: string;
  at: string;
}

export interface TurnMedia {
  kind: 'image' | 'voice' | 'video';
  /** Below the API, where it can be had. */
  path: string;
}

export interface UserTurn extends TurnBase {
  from: 'user';
  messageId: string;
  type: string;
  text: string | null;
  /** Its picture, voice or video; null where there is none, or it can no longer be had. */
  media: TurnMedia | null;
  location: { latitude: number; longitude: number; label: string } | null;
  link: { title: string; url: string } | null;
  state: string;
}

export interface SentTurn extends TurnBase {
  from: 'bot' | 'agent' | 'operator';
  deliveryId: string;
  /** Who of the agents, where it is known. */
  agent: string | null;
  type: string;
  text: string | null;
  media: TurnMedia | null;
  state: string;
  error: string | null;
}

export interface EventTurn extends TurnBase {
  from: 'event';
  messageId: string;
  event: string;
  text: string | null;
}

/** POST conversations/:account/:openid/take */
export interface TakeRequest {
  /** What becomes of replies of the bot that are not yet sent. */
  pending: 'cancel' | 'send';
  /** Take it from a colleague. */
  steal?: boolean;
}
export type TakeResult =
  | { kind: 'taken' }
  | { kind: 'held'; agent: string; since: string }
  | { kind: 'no_conversation' };

/** POST conversations/:account/:openid/return, POST …/transfer (to Tencent's customer service: { kfAccount }) */
export type ReturnResult = { kind: 'returned' } | { kind: 'not_yours'; agent: string | null };

/** POST conversations/:account/:openid/read : an agent has seen the messages up to this one. 204. */
export interface ReadRequest {
  messageId: string;
}

/** POST …/transfer : a ReturnResult, or 502 where WeChat refused. */
export interface TransferRequest {
  kfAccount: string;
}

/** POST conversations/:account/:openid/send : JSON for a text, multipart (field `file`) for a picture. */
export interface SendRequest {
  text: string;
  /** Made by the page, so that a request that is repeated sends once. */
  key: string;
}
export type SendResult =
  | { kind: 'queued'; deliveryId: string }
  | { kind: 'window_closed' }
  | { kind: 'allowance_used' }
  | { kind: 'not_yours'; agent: string | null }
  | { kind: 'busy' };

/** GET/POST saved-answers, PUT/DELETE saved-answers/:id */
export interface SavedAnswer {
  id: string;
  title: string;
  text: string;
  /** Null: for all accounts. */
  account: string | null;
}

/** Events of GET live?conversations=1 , beside `now`: the page then asks again for what it shows. */
export interface ConversationEvent {
  account: string;
  openid: string;
  what: 'message' | 'delivery' | 'handover';
}
