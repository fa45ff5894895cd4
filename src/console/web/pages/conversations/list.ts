import { onScopeDispose, ref, shallowRef, watch } from 'vue';
import type { ConversationRow } from '../../../contract/conversations.js';
import type { Page } from '../../../contract/history.js';
import type { Query } from '../../app/api.js';
import { useConsole } from '../../app/context.js';
import { useConversationEvents } from '../../app/conversation-events.js';

const pageSize = 40;
/** What happens in many conversations at once is one question. */
const gatherMs = 400;
/** A filter that finds little is followed so far by itself; further, by button. */
const fewRows = 10;
const mostPages = 5;

/** The list for a filter, newest first, kept fresh at its head; more of it by button. */
export function useConversationList(query: () => Query) {
  const { api } = useConsole();
  const rows = shallowRef<ConversationRow[]>();
  const next = ref<string | null>(null);
  const error = shallowRef<unknown>();
  const loading = ref(false);
  let asked: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function load(before: string | null): Promise<Page<ConversationRow> | undefined> {
    asked?.abort();
    const mine = new AbortController();
    asked = mine;
    loading.value = true;
    try {
      const page = await api.get<Page<ConversationRow>>(
        'conversations',
        { ...query(), before, limit: pageSize },
        mine.signal,
      );
      if (mine.signal.aborted) return undefined;
      error.value = undefined;
      return page;
    } catch (failure) {
      if (!mine.signal.aborted) error.value = failure;
      return undefined;
    } finally {
      if (asked === mine) loading.value = false;
    }
  }

  async function anew(): Promise<void> {
    const page = await load(null);
    if (!page) return;
    rows.value = page.rows;
    next.value = page.next;
    await fill();
  }

  /** A page may be short, or empty, and have more behind it: the server looks through so many at a time. */
  async function fill(): Promise<void> {
    for (
      let page = 0;
      page < mostPages && next.value !== null && (rows.value?.length ?? 0) < fewRows;
      page += 1
    ) {
      const before = next.value;
      await more();
      if (next.value === before) return;
    }
  }

  /** The first page over what is shown: the rows after it stay as they were. */
  async function refresh(): Promise<void> {
    const page = await load(null);
    if (!page) return;
    const after = notIn(page, rows.value ?? []);
    rows.value = [...page.rows, ...after];
    if (after.length === 0) next.value = page.next;
  }

  async function more(): Promise<void> {
    const page = next.value === null ? undefined : await load(next.value);
    if (!page) return;
    const known = new Set((rows.value ?? []).map(identity));
    rows.value = [...(rows.value ?? []), ...page.rows.filter((row) => !known.has(identity(row)))];
    next.value = page.next;
  }

  useConversationEvents(() => {
    clearTimeout(timer);
    timer = setTimeout(refresh, gatherMs);
  });
  watch(query, anew, { immediate: true, deep: true });
  onScopeDispose(() => {
    clearTimeout(timer);
    asked?.abort();
  });
  return { rows, next, error, loading, more, anew };
}

/** Of the rows that were shown: those that come after a first page. */
function notIn({ rows, next }: Page<ConversationRow>, shown: readonly ConversationRow[]): ConversationRow[] {
  const fresh = new Set(rows.map(identity));
  const oldest = rows.at(-1)?.lastAt;
  if (next === null || oldest === undefined) return [];
  return shown.filter((row) => !fresh.has(identity(row)) && row.lastAt < oldest);
}

export const identity = ({ account, openid }: { account: string; openid: string }) => `${account} ${openid}`;
