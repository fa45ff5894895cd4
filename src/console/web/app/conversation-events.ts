import { type InjectionKey, inject, onScopeDispose } from 'vue';
import type { ConversationEvent } from '../../contract/conversations.js';
import type { Api } from './api.js';
import { type LiveStream, openLive } from './live.js';

/** Null: the stream began, or began anew, and what happened meanwhile was not heard. */
export type Heard = (event: ConversationEvent | null) => void;

export interface ConversationEvents {
  /** Until the function that comes back is called. */
  listen(heard: Heard): () => void;
  /** Hears of what happens while the page is hidden, too: for who asked to be notified. */
  setAwake(awake: boolean): void;
}

/** One stream for all that listens: a browser has six connections to a server, for all of its tabs together. */
export function createConversationEvents(api: Api): ConversationEvents {
  const listeners = new Set<Heard>();
  let stream: LiveStream | undefined;
  let awake = false;

  function tell(event: ConversationEvent | null): void {
    for (const heard of listeners) heard(event);
  }

  return {
    listen(heard) {
      listeners.add(heard);
      stream ??= openLive(
        () => api.url('live', { conversations: 1 }),
        { conversation: (data) => tell(data as ConversationEvent) },
        (state) => {
          if (state === 'open') tell(null);
        },
        () => document.hidden && !awake,
      );
      return () => {
        listeners.delete(heard);
        if (listeners.size > 0) return;
        stream?.close();
        stream = undefined;
      };
    },
    setAwake(value) {
      awake = value;
    },
  };
}

export const conversationEvents: InjectionKey<ConversationEvents> = Symbol('conversation events');

/** Listens for as long as the component is there. */
export function useConversationEvents(heard: Heard): void {
  const events = inject(conversationEvents);
  if (!events) throw new Error('main.ts provides no conversation events');
  onScopeDispose(events.listen(heard));
}
