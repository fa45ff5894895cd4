import { onScopeDispose, type Ref, ref, watch } from 'vue';
import type { Query } from '../app/api.js';
import { useConsole } from '../app/context.js';
import { type LiveListeners, type LiveState, openLive } from '../app/live.js';

/** The stream for as long as the component is there. It rests while the page is hidden or its live figures are paused. */
export function useLive(listeners: LiveListeners, query: () => Query = () => ({})): Ref<LiveState> {
  const { api, preferences } = useConsole();
  const state = ref<LiveState>('connecting');
  const stream = openLive(
    () => api.url('live', query()),
    listeners,
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
