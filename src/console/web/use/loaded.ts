import { onScopeDispose, type Ref, ref, shallowRef, type WatchSource, watch } from 'vue';

export interface Loaded<T> {
  data: Ref<T | undefined>;
  error: Ref<unknown>;
  loading: Ref<boolean>;
  reload(): Promise<void>;
}

/** Loads at once and whenever a source changes; an answer that comes after a newer question is dropped. */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  sources: WatchSource | WatchSource[] = [],
): Loaded<T> {
  const data = shallowRef<T>();
  const error = shallowRef<unknown>();
  const loading = ref(false);
  let current: AbortController | undefined;

  async function reload(): Promise<void> {
    current?.abort();
    const mine = new AbortController();
    current = mine;
    loading.value = true;
    try {
      const found = await load(mine.signal);
      if (mine.signal.aborted) return;
      data.value = found;
      error.value = undefined;
    } catch (failure) {
      if (!mine.signal.aborted) error.value = failure;
    } finally {
      if (current === mine) loading.value = false;
    }
  }

  watch(sources, reload, { deep: true });
  onScopeDispose(() => current?.abort());
  void reload();
  return { data, error, loading, reload };
}
