import { type Ref, ref, watch } from 'vue';

/** What was begun in a conversation's box: it survives that one looks elsewhere, and goes with the tab. */
export function useDraft(account: string, openid: string): Ref<string> {
  const name = nameOf(account, openid);
  const text = ref(attempt(() => sessionStorage.getItem(name)) ?? '');
  watch(text, (value) => {
    attempt(() => (value === '' ? sessionStorage.removeItem(name) : sessionStorage.setItem(name, value)));
  });
  return text;
}

/** Behind what is there already: for what was written and did not get away. */
export function keepInDraft(account: string, openid: string, texts: readonly string[]): void {
  const name = nameOf(account, openid);
  attempt(() => {
    const before = sessionStorage.getItem(name);
    sessionStorage.setItem(name, [...(before ? [before] : []), ...texts].join('\n'));
  });
}

const nameOf = (account: string, openid: string) => `console.draft.${account}.${openid}`;

/** A browser may forbid its storage. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
