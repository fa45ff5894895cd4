import { computed, onScopeDispose, ref, shallowRef } from 'vue';
import type { Conversation } from '../../../contract/conversations.js';
import { segment } from '../../app/api.js';
import { useConsole } from '../../app/context.js';
import { useConversationEvents } from '../../app/conversation-events.js';
import { type Shown, withEarlier, withNewest } from './turns.js';

const pageSize = 40;
/** Beside the live stream: what it missed, and where a proxy holds it back. */
const refreshMs = 20_000;

/** One conversation: its newest page, kept fresh, and what came before as far as it was asked for. */
export function useConversation(account: string, openid: string) {
  const { api } = useConsole();
  const path = `conversations/${segment(account)}/${segment(openid)}`;
  const shown = shallowRef<Shown>();
  const error = shallowRef<unknown>();
  const loadingEarlier = ref(false);
  let asking: Promise<void> | undefined;
  let askAgain = false;
  let over = false;

  async function ask(): Promise<void> {
    try {
      const page = await api.get<Conversation>(path, { limit: pageSize });
      if (over) return;
      shown.value = withNewest(shown.value, page);
      error.value = undefined;
    } catch (failure) {
      if (!over) error.value = failure;
    }
  }

  /** One question at a time; what happens meanwhile is asked for once more afterwards. */
  function refresh(): Promise<void> {
    askAgain = asking !== undefined;
    asking ??= ask().finally(() => {
      asking = undefined;
      if (askAgain && !over) void refresh();
    });
    return asking;
  }

  async function loadEarlier(): Promise<void> {
    const before = shown.value?.earlier;
    if (!before || loadingEarlier.value) return;
    loadingEarlier.value = true;
    try {
      const page = await api.get<Conversation>(path, { before, limit: pageSize });
      if (shown.value && !over) shown.value = withEarlier(shown.value, page);
    } catch (failure) {
      error.value = failure;
    } finally {
      loadingEarlier.value = false;
    }
  }

  useConversationEvents((event) => {
    if (!event || (event.account === account && event.openid === openid)) void refresh();
  });
  const timer = setInterval(() => {
    if (!document.hidden) void refresh();
  }, refreshMs);
  onScopeDispose(() => {
    over = true;
    clearInterval(timer);
  });
  void refresh();

  return {
    path,
    error,
    refresh,
    loadEarlier,
    loadingEarlier,
    head: computed(() => shown.value?.head),
    turns: computed(() => shown.value?.turns ?? []),
    earlier: computed(() => shown.value?.earlier ?? null),
  };
}
