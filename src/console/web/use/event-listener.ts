import { onScopeDispose } from 'vue';

/** For as long as the component is there. */
export function useEventListener(target: EventTarget, name: string, listen: () => void): void {
  target.addEventListener(name, listen);
  onScopeDispose(() => target.removeEventListener(name, listen));
}
