import { onBeforeUnmount, onMounted } from 'vue';
import { useRouter } from 'vue-router';
import { useConsole } from '../app/context.js';
import { places } from '../app/places.js';

const sequenceMs = 1_500;

/** Keys for the whole page. Lists mark what `j` and `k` go through with data-row, and the first filter with data-search. */
export function useShortcuts(showHelp: () => void): void {
  const { preferences, session } = useConsole();
  const router = useRouter();
  let afterG = Number.NEGATIVE_INFINITY;

  function go(key: string): void {
    const place = places.find((one) => one.key === key && session.can(one.right));
    const { account } = router.currentRoute.value.query;
    if (place) void router.push({ name: place.name, query: account ? { account } : {} });
  }

  function move(by: 1 | -1): void {
    const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[at < 0 ? 0 : at + by]?.focus();
  }

  const actions: Readonly<Record<string, () => void>> = {
    '?': showHelp,
    '/': () => document.querySelector<HTMLElement>('[data-search]')?.focus(),
    p: () => {
      preferences.paused = !preferences.paused;
    },
    j: () => move(1),
    k: () => move(-1),
  };

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isBusy(event.target))
      return;
    const sequence = event.timeStamp - afterG < sequenceMs;
    afterG = !sequence && event.key === 'g' ? event.timeStamp : Number.NEGATIVE_INFINITY;
    if (sequence) go(event.key);
    else if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]?.();
    }
  }

  onMounted(() => document.addEventListener('keydown', onKey));
  onBeforeUnmount(() => document.removeEventListener('keydown', onKey));
}

/** Somebody writes, or a dialog asks. */
function isBusy(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest('input, textarea, select, [contenteditable], [role="dialog"]') !== null
  );
}
