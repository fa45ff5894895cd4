import { createListeners } from './listeners.js';

/** A message that a user received. */
export interface DeliveredMessage {
  at: number;
  /** Position among all deliveries, from 1. */
  sequence: number;
  appId: string;
  openid: string;
  msgtype: string;
  /** The request without `touser` and `msgtype`. */
  body: Record<string, unknown>;
  /** What the user sees, as text. */
  text: string;
}

/** All that was delivered so far; true when it is enough. Called once for each delivery, so better quick. */
export type DeliveredPredicate = (delivered: readonly DeliveredMessage[]) => boolean;

/** So many messages for one user, in all; of one account, if it says which. */
export interface Expected {
  openid: string;
  appId?: string;
  count: number;
}

/** Every message that reached a user, and those who wait for more. */
export interface Deliveries {
  readonly all: readonly DeliveredMessage[];
  add(message: Omit<DeliveredMessage, 'sequence'>): void;
  /** Of every account, unless told which. */
  inboxOf(openid: string, appId?: string): DeliveredMessage[];
  onDelivered(listener: (message: DeliveredMessage) => void): () => void;
  /**
   * Resolves with the user's messages, or with all of them for a predicate.
   *
   * @throws Error saying what did arrive, when time is up or the simulator is closed
   */
  waitFor(wanted: DeliveredPredicate | Expected, timeoutMs: number): Promise<DeliveredMessage[]>;
  close(): void;
}

/** Of the latest messages in an error. */
const shownAtMost = 20;

export function createDeliveries(): Deliveries {
  const all: DeliveredMessage[] = [];
  const byUser = new Map<string, DeliveredMessage[]>();
  const listeners = createListeners<DeliveredMessage>();
  const waiting = new Set<{ check(): void; giveUp(why: string): void }>();

  function received(openid: string, appId: string | undefined): readonly DeliveredMessage[] {
    const messages = byUser.get(openid) ?? [];
    return appId === undefined ? messages : messages.filter((message) => message.appId === appId);
  }

  function isEnough(wanted: DeliveredPredicate | Expected): boolean {
    return typeof wanted === 'function'
      ? wanted(all)
      : received(wanted.openid, wanted.appId).length >= wanted.count;
  }

  function shortfall(wanted: DeliveredPredicate | Expected, why: string): Error {
    const relevant = typeof wanted === 'function' ? all : received(wanted.openid, wanted.appId);
    const aim =
      typeof wanted === 'function'
        ? 'What was waited for did not arrive'
        : `${wanted.openid} should have ${wanted.count} messages${wanted.appId ? ` of ${wanted.appId}` : ''}`;
    const shown = relevant.slice(-shownAtMost).map(({ openid, text }) => `${openid} ${JSON.stringify(text)}`);
    const omitted = relevant.length > shown.length ? `the latest ${shown.length}: ` : '';
    return new Error(`${aim}; ${why}, ${relevant.length} had arrived: ${omitted}${shown.join(', ')}`);
  }

  return {
    all,

    add(message) {
      const numbered: DeliveredMessage = { ...message, sequence: all.length + 1 };
      all.push(numbered);
      const inbox = byUser.get(message.openid);
      if (inbox) inbox.push(numbered);
      else byUser.set(message.openid, [numbered]);
      listeners.notify(numbered);
      for (const { check } of [...waiting]) check();
    },

    inboxOf: (openid, appId) => [...received(openid, appId)],
    onDelivered: listeners.add,

    waitFor(wanted, timeoutMs) {
      return new Promise((resolve, reject) => {
        const settle = () => {
          clearTimeout(timer);
          waiting.delete(waiter);
        };
        const waiter = {
          check() {
            try {
              if (!isEnough(wanted)) return;
              settle();
              resolve([...(typeof wanted === 'function' ? all : received(wanted.openid, wanted.appId))]);
            } catch (error) {
              settle();
              reject(error);
            }
          },
          giveUp(why: string) {
            settle();
            reject(shortfall(wanted, why));
          },
        };
        const timer = setTimeout(() => waiter.giveUp(`after ${timeoutMs} ms`), timeoutMs);
        waiting.add(waiter);
        waiter.check();
      });
    },

    close() {
      for (const { giveUp } of [...waiting]) giveUp('when the simulator was closed');
    },
  };
}
