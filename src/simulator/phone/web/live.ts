import { computed, onUnmounted, reactive } from 'vue';
import type { CallView, Change, Entry, PhoneAccount, PhoneUser, PushView, Troubles } from '../contract.js';
import type { Whose } from './api.js';

interface State {
  /** Undefined before the first word of the stream. */
  isConnected: boolean | undefined;
  accounts: readonly PhoneAccount[];
  users: PhoneUser[];
  entries: Record<string, Entry[]>;
  typingUntil: Record<string, number>;
  pushes: PushView[];
  calls: CallView[];
  troubles: Troubles;
  /** The simulator's time, by second. */
  now: number;
}

const most = 100;
const mostEntries = 300;

export const keyOf = ({ appId, openid }: Whose): string => `${appId} ${openid}`;

/** All that the stream tells, for as long as the component lives. */
export function useLive() {
  const state = reactive<State>({
    isConnected: undefined,
    accounts: [],
    users: [],
    entries: {},
    typingUntil: {},
    pushes: [],
    calls: [],
    troubles: { failures: [], isQuotaUsedUp: false, copies: 0, isWebhookDown: false },
    now: Date.now(),
  });
  let clockSkewMs = 0;
  const ticking = setInterval(() => {
    state.now = Date.now() + clockSkewMs;
  }, 500);

  function take(change: Change): void {
    switch (change.kind) {
      case 'snapshot': {
        const { now, chats, users, pushes, calls, ...rest } = change.snapshot;
        clockSkewMs = now - Date.now();
        Object.assign(state, rest, { now, users: [...users], pushes: [...pushes], calls: [...calls] });
        state.entries = Object.fromEntries(chats.map((chat) => [keyOf(chat), [...chat.entries]]));
        state.typingUntil = Object.fromEntries(chats.map((chat) => [keyOf(chat), chat.typingUntil]));
        return;
      }
      case 'menu': {
        const { appId, menu } = change;
        state.accounts = state.accounts.map((one) => (one.appId === appId ? { ...one, menu } : one));
        return;
      }
      case 'user':
        put(state.users, change.user, (one) => keyOf(one) === keyOf(change.user));
        return;
      case 'entry': {
        const key = keyOf(change);
        const entries = state.entries[key] ?? [];
        state.entries[key] = [...entries, change.entry].slice(-mostEntries);
        return;
      }
      case 'typing':
        state.typingUntil[keyOf(change)] = change.until;
        return;
      case 'push':
        put(state.pushes, change.push, ({ id }) => id === change.push.id);
        return;
      case 'call':
        put(state.calls, change.call, ({ id }) => id === change.call.id);
        return;
      case 'troubles':
        state.troubles = change.troubles;
    }
  }

  const source = new EventSource('api/stream');
  source.onopen = () => {
    state.isConnected = true;
  };
  source.onerror = () => {
    state.isConnected = false;
  };
  source.onmessage = ({ data }: MessageEvent<string>) => take(JSON.parse(data) as Change);
  onUnmounted(() => {
    source.close();
    clearInterval(ticking);
  });
  return { state, isReady: computed(() => state.accounts.length > 0) };
}

function put<T>(list: T[], value: T, isSame: (one: T) => boolean): void {
  const place = list.findIndex(isSame);
  if (place >= 0) list[place] = value;
  else list.push(value);
  if (list.length > most * 2) list.shift();
}
