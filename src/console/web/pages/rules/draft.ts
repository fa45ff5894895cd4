import { type ComputedRef, computed, type Ref, ref, shallowRef, watch } from 'vue';
import type {
  GoBack,
  RuleProblem,
  RuleSetView,
  RulesCheck,
  RuleVersion,
  SaveRules,
} from '../../../contract/rules.js';
import { ApiFailure, segment } from '../../app/api.js';
import { useConsole } from '../../app/context.js';
import { useRulesCheck } from './check.js';

/** A text that somebody works on, between the version that it was made from and the one that it becomes. */
export interface RulesDraft {
  set: Ref<RuleSetView | undefined>;
  text: Ref<string>;
  changed: ComputedRef<boolean>;
  check: Ref<RulesCheck | undefined>;
  /** The version that came from somebody else meanwhile. */
  conflict: Ref<RuleVersion | undefined>;
  /** Of the last thing that was tried. */
  error: Ref<unknown>;
  busy: Ref<boolean>;
  load(): Promise<void>;
  /** @param over the version that this one shall follow: the other's, after a conflict */
  save(note: string, over?: RuleVersion): Promise<boolean>;
  back(version: string): Promise<boolean>;
}

export function useRulesDraft(name: () => string | undefined): RulesDraft {
  const { api } = useConsole();
  const set = shallowRef<RuleSetView>();
  const text = ref('');
  const error = shallowRef<unknown>();
  const check = useRulesCheck(text, () => set.value !== undefined, error);
  const conflict = shallowRef<RuleVersion>();
  const busy = ref(false);
  const path = () => `rules/${segment(name() ?? '')}`;

  async function attempt(run: () => Promise<void>): Promise<boolean> {
    if (busy.value || name() === undefined) return false;
    busy.value = true;
    error.value = undefined;
    try {
      await run();
      return true;
    } catch (failure) {
      if (!(failure instanceof ApiFailure)) error.value = failure;
      else if (failure.code === 'conflict') conflict.value = failure.body.version as RuleVersion;
      else if (failure.code === 'bad_rules')
        check.value = { rules: 0, problems: failure.body.problems as RuleProblem[] };
      else error.value = failure;
      return false;
    } finally {
      busy.value = false;
    }
  }

  async function read(): Promise<void> {
    const found = await api.get<RuleSetView>(path());
    // As a field of text has them.
    set.value = { ...found, text: found.text.replaceAll('\r\n', '\n') };
    text.value = set.value.text;
    conflict.value = undefined;
  }

  watch(
    name,
    () => {
      set.value = undefined;
      void attempt(read);
    },
    { immediate: true },
  );

  return {
    ...{ set, text, check, conflict, error, busy },
    changed: computed(() => set.value !== undefined && text.value !== set.value.text),
    async load() {
      await attempt(read);
    },
    save: (note, over) =>
      attempt(async () => {
        const expected = (over ?? set.value?.version)?.id ?? null;
        const body: SaveRules = { text: text.value, expected, note: note.trim() || null };
        await api.send('PUT', path(), body);
        await read();
      }),
    back: (version) =>
      attempt(async () => {
        const body: GoBack = { version, expected: set.value?.version?.id ?? '' };
        await api.send('POST', `${path()}/back`, body);
        await read();
      }),
  };
}
