import { onScopeDispose, type Ref, ref, watch } from 'vue';
import type { Query } from '../app/api.js';
import { useConsole } from '../app/context.js';
import { type LiveListeners, type LiveState, openLive } from '../app/live.js';

/** `away`: the stream is open, and the server says that it has nothing to tell, for the database does not answer. */
export type Liveness = LiveState | 'away';

/** The stream for as long as the component is there. It rests while the page is hidden or its live figures are paused. */
export function useLive(listeners: LiveListeners, query: () => Query = () => ({})): Ref<Liveness> {
  const { api, preferences } = useConsole();
  const state = ref<Liveness>('connecting');
  const heard = Object.entries(listeners).map(
    ([name, listen]) =>
      [
        name,
        (data: unknown) => {
          state.value = 'open';
          listen(data);
        },
      ] as const,
  );
  const away = () => {
    state.value = 'away';
  };
  const stream = openLive(
    () => api.url('live', query()),
    { ...Object.fromEntries(heard), away },
    (now) => {
      state.value = now;
    },
  );
  watch(
    () => preferences.paused,
    (paused) => stream.pause(paused),
    { immediate: true },
  );
  onScopeDispose(() => stream.close());
  return state;
}
