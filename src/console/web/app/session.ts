import { reactive } from 'vue';
import type { Right } from '../../contract/rights.js';
import type { SessionView, SignInRequest } from '../../contract/session.js';
import type { Api } from './api.js';

export interface Session {
  /** Null until it was asked for. */
  readonly view: SessionView | null;
  load(): Promise<SessionView>;
  signIn(request: SignInRequest): Promise<void>;
  signOut(): Promise<void>;
  /** The server said that nobody is signed in. */
  forget(): void;
  can(right: Right): boolean;
  accountName(appId: string): string;
}

export function createSession(api: () => Api): Session {
  const state = reactive<{ view: SessionView | null }>({ view: null });

  async function load(): Promise<SessionView> {
    state.view = await api().get<SessionView>('session');
    return state.view;
  }

  return {
    get view() {
      return state.view;
    },
    load,
    async signIn(request) {
      await api().send('POST', 'sign-in', request);
      await load();
    },
    async signOut() {
      await api().send('POST', 'sign-out');
      state.view = null;
    },
    forget() {
      state.view = null;
    },
    can: (right) => state.view?.user?.rights.includes(right) ?? false,
    accountName: (appId) => state.view?.accounts.find((one) => one.appId === appId)?.name ?? appId,
  };
}
