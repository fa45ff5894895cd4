import type { InboundMedia } from '../accounts/inbound-media.js';
import type { JsonValue } from '../lib/json.js';
import type { Logger } from '../observe/log.js';
import type { ClickEvent, EventMessage, SubscribeEvent } from '../wechat/in/events.js';
import type { InboundMessage, TextMessage } from '../wechat/in/message.js';
import type { Reply } from '../wechat/out/reply.js';

/** What the reply logic gets to work with. */
export interface ReplyContext<M extends InboundMessage = InboundMessage> {
  readonly message: M;
  /** What is answered together (MERGE_WITHIN), oldest first: `message` is the last of them, and without that setting the only one. */
  readonly messages: readonly InboundMessage[];
  readonly account: { readonly appId: string; readonly name: string };
  /** Until when, and with how many messages, WeChat lets this message be answered; undefined where it opened no window. */
  readonly window: { readonly endsAt: Date; readonly quota: number | undefined } | undefined;
  readonly wechat: WeChatAccess;
  /** What this user and the account said before this message, oldest first: the reply logic's words, and agents'. */
  history(options: { turns: number }): Promise<readonly Turn[]>;
  /** A small value that is kept for this conversation. */
  readonly state: ConversationState;
  /**
   * Runs `action` once for this message, however often the reply logic is started for it: what it returned is stored, and returned
   * again. Where the process dies before that is stored, it runs again.
   *
   * @param key names it among the actions for this message: up to 100 characters
   */
  once<T extends JsonValue>(key: string, action: () => Awaitable<T>): Promise<T>;
  /** Carries app_id and message_id on each line. */
  readonly log: Logger;
  /** Aborted when the time limit is over or the process must stop: pass it on to fetch and the like. */
  readonly signal: AbortSignal;
  /**
   * Asks for a person: from the next message on the user's messages wait for one, and the reply logic does not run for them until
   * the conversation is handed back. What it returns now is sent. Called twice, the last reason holds; where it fails
   * afterwards, nobody was asked.
   *
   * @param reason what agents are told: up to 200 characters
   * @throws InvalidHandOverError for a reason that is no text, is blank or too long
   */
  handOver(reason: string): void;
}

export type { JsonValue };

/** One thing that was said in a conversation. */
export interface Turn {
  /** Of the user; of the reply logic, or an operator; of an agent who answered by hand. */
  readonly from: 'user' | 'replies' | 'agent';
  readonly at: Date;
  /** MsgType of a user's message, or msgtype of one that was sent. */
  readonly type: string;
  /** The text, what voice was recognised as, a location's label, a link's or an article's title; undefined where there is none. */
  readonly text: string | undefined;
  /** The agent's name; undefined for all others. */
  readonly agent: string | undefined;
  /** The user's message that it is, or answers. */
  readonly messageId: string;
}

export interface StoredState {
  readonly value: JsonValue;
  /** Counts the changes, from 1. */
  readonly version: number;
}

/** Kept in Postgres under the account and the user, until it is cleared or the user is forgotten; 64 kB at most. */
export interface ConversationState {
  get(): Promise<StoredState | undefined>;
  /**
   * @param options.ifVersion only where it is still this one (0: where there is none)
   * @returns `conflict` where it is another: nothing was stored
   */
  set(value: JsonValue, options?: { ifVersion?: number }): Promise<'stored' | 'conflict'>;
  clear(): Promise<void>;
}

/** What the reply logic may ask of WeChat. */
export interface WeChatAccess {
  /**
   * Calls any API of WeChat's with the account's shared access token, which is renewed and asked for again where it has ended.
   *
   * @param path such as `/cgi-bin/user/info?openid=…`, without the token
   * @param body sent as JSON
   * @returns what WeChat responded, errcode 0 or absent
   * @throws WeChatCallError with errcode, errmsg and the class of the error, or why there was no response; InvalidCallError for what
   *   is no call, such as a path with a token in it
   */
  call(method: 'GET' | 'POST', path: string, body?: JsonValue): Promise<JsonValue>;
  /**
   * Opens a file that a user sent (`message.mediaId`), which WeChat keeps for three days. The stream must be read or
   * destroyed.
   *
   * @param options.maxBytes longer ones are refused or broken off; 20 MiB by default
   * @throws MediaError saying why it cannot be had
   */
  media(mediaId: string, options?: { maxBytes?: number }): Promise<InboundMedia>;
}

/**
 * One reply or several; a string is short for a text reply. False, blanks and an empty list are nothing to say. So are undefined and
 * null where no other source of replies follows (REPLIES names several): there they mean "not mine", and the next is asked.
 */
export type ReplyResult = Said | readonly Said[];
type Said = undefined | null | false | string | Reply;

export type Awaitable<T> = T | Promise<T>;

/** What becomes of a reply that is about to be stored: undefined leaves it as it is, `false` takes it out. */
export type BeforeSendResult = undefined | false | string | Reply | { refuse: string } | { handOver: string };

/**
 * Asked about each reply before it is stored, whoever made it.
 *
 * `refuse`: no reply of this message is sent, it fails with this reason. `handOver`: none is sent, and a person is asked for.
 */
export type BeforeSend = (reply: Reply, context: ReplyContext) => Awaitable<BeforeSendResult>;

export type ReplyHandler<M extends InboundMessage = InboundMessage> = (
  context: ReplyContext<M>,
  match?: RegExpMatchArray,
) => Awaitable<ReplyResult>;

/** The whole reply logic: what to answer to a message. Pure as far as this service goes: it sends nothing itself. */
export type Replies = (context: ReplyContext) => Awaitable<ReplyResult>;

type Kind = Exclude<InboundMessage['kind'], 'event'>;
type KnownEvent = Exclude<EventMessage['event'], 'other'>;
/** Of the events, or the messages, those that may have this name: some share a type. */
type OfEvent<E extends KnownEvent, M extends EventMessage = EventMessage> = M extends { event: infer Name }
  ? E extends Name
    ? M
    : never
  : never;
type OfKind<K extends Kind, M extends InboundMessage = InboundMessage> = M extends { kind: infer Name }
  ? K extends Name
    ? M
    : never
  : never;

interface Rule {
  /** What to pass on when the rule applies: `true`, or the match of its expression. */
  applies(message: InboundMessage): boolean | RegExpMatchArray | null;
  handler: ReplyHandler;
}

/**
 * Rules, tried in the order in which they were added; the first that applies answers. Each call returns a new
 * router, so a set of rules can be shared and extended.
 *
 * @example
 * export const replies = createRouter()
 *   .subscribe(() => 'Welcome!')
 *   .text('help', () => ['Ask me anything.', news({ title: 'Guide', url: 'https://…' })])
 *   .text(/^order (\d+)$/, async ({ signal }, match) => status(match?.[1], signal))
 *   .otherwise(() => undefined);
 */
export class ReplyRouter {
  readonly #rules: readonly Rule[];

  constructor(rules: readonly Rule[] = []) {
    this.#rules = rules;
  }

  /** A new follower. */
  subscribe(handler: ReplyHandler<SubscribeEvent>): ReplyRouter {
    return this.event('subscribe', handler);
  }

  /** An event by its name, without regard to case; the handler of a known one gets its type. */
  event<E extends KnownEvent>(name: E, handler: ReplyHandler<OfEvent<E>>): ReplyRouter;
  event(name: string, handler: ReplyHandler<EventMessage>): ReplyRouter;
  event(name: string, handler: ReplyHandler<never>): ReplyRouter {
    const wanted = name.toLowerCase();
    return this.#with((message) => message.kind === 'event' && message.name === wanted, handler);
  }

  /** A menu click by its key. */
  click(key: string, handler: ReplyHandler<ClickEvent>): ReplyRouter {
    return this.#with(
      (message) => message.kind === 'event' && message.event === 'click' && message.key === key,
      handler,
    );
  }

  /** A text that equals `pattern` (white space around it aside), or matches it; without a pattern any text. */
  text(pattern: string | RegExp, handler: ReplyHandler<TextMessage>): ReplyRouter;
  text(handler: ReplyHandler<TextMessage>): ReplyRouter;
  text(
    patternOrHandler: string | RegExp | ReplyHandler<TextMessage>,
    handler?: ReplyHandler<TextMessage>,
  ): ReplyRouter {
    if (typeof patternOrHandler === 'function') {
      return this.#with((message) => message.kind === 'text', patternOrHandler);
    }
    if (!handler) throw new TypeError('text(pattern, handler): the handler is missing');
    return this.#with(
      (message) => message.kind === 'text' && matchText(message.content, patternOrHandler),
      handler,
    );
  }

  /** A message of this type: image, voice, location, … or `unknown`. */
  message<K extends Kind>(kind: K, handler: ReplyHandler<OfKind<K>>): ReplyRouter {
    return this.#with((message) => message.kind === kind, handler);
  }

  /** Whatever no rule before it applies to. */
  otherwise(handler: ReplyHandler): ReplyRouter {
    return this.#with(() => true, handler);
  }

  /** Runs the first rule that applies; without one there is nothing to say. */
  async answer(context: ReplyContext): Promise<ReplyResult> {
    for (const { applies, handler } of this.#rules) {
      const match = applies(context.message);
      if (!match) continue;
      return (await (match === true ? handler(context) : handler(context, match))) ?? undefined;
    }
    return undefined;
  }

  #with<M extends InboundMessage>(applies: Rule['applies'], handler: ReplyHandler<M>): ReplyRouter {
    // `applies` has seen to it that the handler gets the kind of message it asks for.
    return new ReplyRouter([...this.#rules, { applies, handler: handler as unknown as ReplyHandler }]);
  }
}

export function createRouter(): ReplyRouter {
  return new ReplyRouter();
}

function matchText(content: string, pattern: string | RegExp): boolean | RegExpMatchArray | null {
  if (typeof pattern === 'string') return content.trim() === pattern;
  // match() of a global expression would lose the groups.
  return content.match(pattern.global ? new RegExp(pattern.source, pattern.flags.replace('g', '')) : pattern);
}
