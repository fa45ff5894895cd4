import { type ComputedRef, computed, type Ref, ref, type WatchSource, watch } from 'vue';

export interface Selection {
  ids: ComputedRef<string[]>;
  has(id: string): boolean;
  toggle(id: string): void;
  /** All of the page, or none. */
  toggleAll(): void;
  all: ComputedRef<boolean>;
  some: ComputedRef<boolean>;
  clear(): void;
}

/** Selected rows of what is seen: another page, or another filter, begins with none. */
export function useSelection(shown: () => readonly { id: string }[], resetBy: WatchSource): Selection {
  const chosen: Ref<ReadonlySet<string>> = ref(new Set());
  const ids = computed(() => shown().flatMap(({ id }) => (chosen.value.has(id) ? [id] : [])));
  const all = computed(() => ids.value.length > 0 && ids.value.length === shown().length);
  const clear = () => {
    chosen.value = new Set();
  };
  watch(resetBy, clear);

  return {
    ids,
    all,
    some: computed(() => ids.value.length > 0 && !all.value),
    clear,
    has: (id) => chosen.value.has(id),
    toggle(id) {
      const next = new Set(chosen.value);
      if (!next.delete(id)) next.add(id);
      chosen.value = next;
    },
    toggleAll() {
      chosen.value = all.value ? new Set() : new Set(shown().map(({ id }) => id));
    },
  };
}
