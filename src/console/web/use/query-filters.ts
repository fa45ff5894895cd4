import { type ComputedRef, computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';

export type Filters<Key extends string> = Readonly<Partial<Record<Key, string>>>;

export interface QueryFilters<Key extends string> {
  /** What the address says, without what is empty. */
  filters: ComputedRef<Filters<Key>>;
  /** Whether anything but the account is filtered by. */
  filtered: ComputedRef<boolean>;
  /** Undefined or empty takes a filter away. Whatever changes, the list begins anew: `before` goes. */
  change(some: Readonly<Partial<Record<Key, string | undefined>>>): void;
  clear(): void;
}

/** Filters that stand in the address, so that a list can be bookmarked, shared, and gone back to. */
export function useQueryFilters<const Key extends string>(keys: readonly Key[]): QueryFilters<Key> {
  const route = useRoute();
  const router = useRouter();

  const filters = computed(() => {
    const found: Partial<Record<Key, string>> = {};
    for (const key of keys) {
      const value = route.query[key];
      if (typeof value === 'string' && value !== '') found[key] = value;
    }
    return found;
  });
  const filtered = computed(() =>
    Object.keys(filters.value).some((key) => key !== 'account' && key !== 'before'),
  );

  function change(some: Readonly<Partial<Record<Key, string | undefined>>>): void {
    const query = { ...route.query };
    delete query.before;
    for (const [key, value] of Object.entries<string | undefined>(some)) {
      if (value === undefined || value === '') delete query[key];
      else query[key] = value;
    }
    void router.push({ query });
  }

  function clear(): void {
    const { account } = route.query;
    void router.push({ query: account ? { account } : {} });
  }

  return { filters, filtered, change, clear };
}

/** The account that the address names: the chooser of the page's head sets it, links keep it. */
export function useAccount(): ComputedRef<string | undefined> {
  const route = useRoute();
  return computed(() => (typeof route.query.account === 'string' ? route.query.account : undefined));
}
