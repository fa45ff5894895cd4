import { type Ref, ref, watch } from 'vue';

/** What was begun in a conversation's box: it survives that one looks elsewhere, and goes with the tab. */
export function useDraft(account: string, openid: string): Ref<string> {
  const name = `console.draft.${account}.${openid}`;
  const text = ref(attempt(() => sessionStorage.getItem(name)) ?? '');
  watch(text, (value) => {
    attempt(() => (value === '' ? sessionStorage.removeItem(name) : sessionStorage.setItem(name, value)));
  });
  return text;
}

/** A browser may forbid its storage. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
