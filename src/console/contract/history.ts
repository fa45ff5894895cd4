/** Messages, deliveries, and why there is no answer. Times are ISO 8601, ids are decimal strings. */

export type MessageState = 'received' | 'answering' | 'with_agent' | 'settled' | 'failed';
export type DeliveryState = 'pending' | 'sending' | 'sent' | 'failed' | 'expired' | 'unknown' | 'cancelled';

/** GET messages, GET deliveries: all of it optional, all of it in the address of the page too. */
export interface HistoryQuery {
  account?: string;
  state?: string;
  /** errcode, of deliveries. */
  code?: number;
  /** msg_type, or `event:click` for one event, of messages. */
  type?: string;
  openid?: string;
  text?: string;
  since?: string;
  until?: string;
  /** Only what is older: the id of the last row of the page before. */
  before?: string;
  /** 50 unless told, 200 at most. */
  limit?: number;
}

/**
 * Never by offset: `next` is what `before` must be for the following page; null on the last. A search that only reading can answer ends
 * after a moment: then a page may have fewer rows than asked for, or none, and there is a next.
 */
export interface Page<Row> {
  rows: Row[];
  next: string | null;
}

export interface MessageRow {
  id: string;
  account: string;
  openid: string;
  type: string;
  event: string | null;
  eventKey: string | null;
  content: string | null;
  state: MessageState;
  error: string | null;
  receivedAt: string;
  settledAt: string | null;
}

export interface DeliveryRow {
  id: string;
  messageId: string;
  account: string;
  openid: string;
  type: string;
  /** What a person would read of it. */
  text: string | null;
  origin: 'reply' | 'operator' | 'agent';
  state: DeliveryState;
  attempts: number;
  code: number | null;
  error: string | null;
  createdAt: string;
  sentAt: string | null;
  nextAttemptAt: string | null;
}

/** WeChat's code in words, in the language that was asked for. */
export interface Explained {
  code: number;
  meaning: string;
  remedy: string;
}

export interface Attempt {
  attempt: number;
  startedAt: string;
  finishedAt: string | null;
  /** `running` while there is no end on record. */
  outcome: 'running' | 'sent' | 'token' | 'transient' | 'throttled' | 'permanent' | 'unknown';
  httpStatus: number | null;
  code: number | null;
  error: string | null;
  /** Of WeChat's text, for its support. */
  rid: string | null;
}

export interface DeliveryDetail extends DeliveryRow {
  position: number;
  payload: unknown;
  ignoresWindow: boolean;
  timeline: Attempt[];
  explained: Explained | null;
  /** What `requeue` would say of it. */
  verdict: string | null;
}

/** GET messages/:id */
export interface MessageDetail extends MessageRow {
  requestId: string | null;
  dedupeKey: string;
  /** When the user sent it, by WeChat's clock. */
  createdAt: string;
  payload: Readonly<Record<string, unknown>>;
  window: { endsAt: string; quota: number | null; used: number } | null;
  /** When it is tried again; null when it is not waiting for that. */
  dueAt: string | null;
  /** The worker that holds its conversation now. */
  worker: { id: number; hostname: string; pid: number } | null;
  /** Of its conversation, oldest first: what is answered before it. */
  behind: { messages: number; firstId: string | null };
  deliveries: DeliveryDetail[];
  /** The later message that it was answered with (MERGE_WITHIN); null: it is answered itself. */
  mergedInto: string | null;
  /** How many earlier messages are answered with it. */
  mergedCount: number;
  /** To be pasted into a search of the log. */
  logQuery: string;
}

/** GET why?account=&openid= : one finding a cause, the deciding one first. */
export interface Why {
  account: string;
  openid: string;
  /** In words, in the language that was asked for. */
  findings: WhyFinding[];
}

export type WhyCause =
  | 'never_pushed'
  | 'refused'
  | 'no_worker'
  | 'account_unknown'
  | 'account_paused'
  | 'taken_over'
  | 'waiting_for_turn'
  | 'put_off'
  | 'awaiting_back_end'
  | 'being_answered'
  | 'reply_retrying'
  | 'reply_failed'
  | 'nothing_to_say'
  | 'cut'
  | 'limited'
  | 'stopped'
  | 'delivery_waiting'
  | 'delivery_retrying'
  | 'delivery_failed'
  | 'window_over'
  | 'delivery_unknown'
  | 'cancelled'
  | 'forgotten'
  | 'answered';

export interface WhyFinding {
  cause: WhyCause;
  headline: string;
  detail: string;
  remedy: string | null;
  messageId: string | null;
  deliveryId: string | null;
  at: string | null;
}

/** POST bulk/preview and bulk/run. By selection (`ids`) or by filter. */
export interface BulkRequest {
  action: 'requeue' | 'cancel' | 'requeue_messages' | 'cancel_messages';
  ids?: string[];
  filter?: HistoryQuery;
  /** Also where the window is closed, as the command's --force. */
  force?: boolean;
  /** Of the preview that a person confirmed: refused when the count differs by more than a tenth. */
  expected?: number;
}

export interface BulkPreview {
  matched: number;
  /** Not more than this in one go. */
  limit: number;
  /** How many have each verdict, as wechat.requeue_verdict says. */
  verdicts: { verdict: string; count: number; explained: string }[];
}

/** GET bulk/:id, after bulk/run answered with { id }. */
export interface BulkProgress {
  id: string;
  state: 'running' | 'done' | 'failed';
  total: number;
  done: number;
  results: { result: string; count: number; explained: string }[];
  error: string | null;
}
