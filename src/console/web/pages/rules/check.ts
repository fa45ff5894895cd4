import { onScopeDispose, type Ref, shallowRef, watch } from 'vue';
import type { RulesCheck } from '../../../contract/rules.js';
import { useConsole } from '../../app/context.js';

/** Thousands of rules take the server a while: then it is asked less often. */
const checkAfterMs = (length: number) => (length < 100_000 ? 400 : 2_000);

/** What the server finds in the text as it is when nobody has typed for a moment; undefined until then. */
export function useRulesCheck(
  text: Ref<string>,
  isThere: () => boolean,
  error: Ref<unknown>,
): Ref<RulesCheck | undefined> {
  const { api, preferences } = useConsole();
  const check = shallowRef<RulesCheck>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(asked: string): Promise<void> {
    try {
      const found = await api.send<RulesCheck>('POST', 'rules/check', { text: asked });
      // An answer about an older text is dropped.
      if (text.value === asked) check.value = found;
    } catch (failure) {
      if (text.value === asked) error.value = failure;
    }
  }

  watch([text, isThere, () => preferences.language], () => {
    clearTimeout(timer);
    check.value = undefined;
    if (isThere()) timer = setTimeout(ask, checkAfterMs(text.value.length), text.value);
  });
  onScopeDispose(() => clearTimeout(timer));
  return check;
}
