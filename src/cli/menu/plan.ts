import type { CurrentMenu, KnownConditionalMenu } from './fetch.js';
import type { Button, ConditionalMenu, Menu } from './menu.js';

/** One call that changes the menu. */
export type Step =
  | { kind: 'create'; button: readonly Button[] }
  /** Of the conditional ones, too. */
  | { kind: 'delete' }
  | { kind: 'add'; menu: ConditionalMenu }
  | { kind: 'remove'; menuId: string };

/**
 * What it takes to make the menu at WeChat another; nothing where it is so already. New conditional menus are added before old ones
 * are removed: meanwhile nobody sees the one for everybody.
 */
export function planPush(current: CurrentMenu, wanted: Menu): Step[] {
  if (wanted.button.length === 0) return current.from === 'none' ? [] : [{ kind: 'delete' }];
  // One that was made in the console is made anew: only so is it the API's.
  const isMade = current.from === 'api' && isSame(current.button, wanted.button);
  const kept = countKept(current.conditionalmenu, wanted.conditionalmenu);
  const added = wanted.conditionalmenu.slice(0, wanted.conditionalmenu.length - kept);
  const removed = current.conditionalmenu.slice(0, current.conditionalmenu.length - kept);
  return [
    ...(isMade ? [] : [{ kind: 'create' as const, button: wanted.button }]),
    // The one that is made last is tried first.
    ...added.toReversed().map((menu) => ({ kind: 'add' as const, menu })),
    ...removed.map(({ menuId }) => ({ kind: 'remove' as const, menuId })),
  ];
}

/** From the end, where the oldest are: what stands above one that is made anew must be made anew, too. */
function countKept(current: readonly KnownConditionalMenu[], wanted: readonly ConditionalMenu[]): number {
  let kept = 0;
  for (;;) {
    const [before, after] = [current.at(-1 - kept), wanted.at(-1 - kept)];
    if (!before || !after) return kept;
    if (!isSame(before.button, after.button) || !isSame(entries(before), entries(after))) return kept;
    kept += 1;
  }
}

function entries({ matchrule }: ConditionalMenu): unknown {
  return Object.entries(matchrule).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Both are tidy: their fields are in one order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
