import { nextTick, onMounted, type Ref, ref } from 'vue';

/** How near to the end still counts as at the end. */
const nearPixels = 60;

/** A thread that stays at its end while one is there, and stays where one reads while more comes before or after. */
export function useScrolling(box: Readonly<Ref<HTMLElement | null>>) {
  const atEnd = ref(true);
  const newBelow = ref(false);

  function toEnd(): void {
    if (box.value) box.value.scrollTop = box.value.scrollHeight;
    newBelow.value = false;
  }

  function scrolled(): void {
    if (!box.value) return;
    atEnd.value = box.value.scrollHeight - box.value.scrollTop - box.value.clientHeight < nearPixels;
    if (atEnd.value) newBelow.value = false;
  }

  /** After turns were added at the end; `own`: the reader wrote them. */
  async function added(own: boolean): Promise<void> {
    const stay = atEnd.value || own;
    await nextTick();
    if (stay) toEnd();
    else newBelow.value = true;
  }

  /** Around adding turns at the beginning. */
  async function keepingPlace(add: () => Promise<void>): Promise<void> {
    const before = (box.value?.scrollHeight ?? 0) - (box.value?.scrollTop ?? 0);
    await add();
    await nextTick();
    if (box.value) box.value.scrollTop = box.value.scrollHeight - before;
  }

  onMounted(toEnd);
  return { atEnd, newBelow, toEnd, scrolled, added, keepingPlace };
}
