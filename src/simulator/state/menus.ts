/** As menu/create takes it: what a button needs is for `api/menu-form.ts`. */
export type Button = Readonly<Record<string, unknown>>;

/** For whom a conditional menu is. */
export interface MatchRule {
  tagId?: string | undefined;
  clientPlatform?: string | undefined;
}

interface ConditionalMenu {
  menuId: number;
  button: readonly Button[];
  /** As it came. */
  matchrule: Readonly<Record<string, unknown>>;
  rule: MatchRule;
}

/** The menus of one account. */
export interface Menus {
  /** The one for everybody, made by API; undefined where there is none. */
  readonly current: { menuId: number; button: readonly Button[] } | undefined;
  /** Newest first. */
  readonly conditional: readonly ConditionalMenu[];
  /** What get_current_selfmenu_info tells where no menu was made by API: made in the console. */
  console: Readonly<Record<string, unknown>> | undefined;
  create(button: readonly Button[]): void;
  /** @returns its id */
  addConditional(menu: Omit<ConditionalMenu, 'menuId'>): number;
  /** False where there is none of this id. */
  removeConditional(menuId: string): boolean;
  /** All of them. */
  clear(): void;
  /** What a user with these tags, the one given last at the end, sees on this platform. */
  match(user: { tags: readonly number[]; clientPlatform?: string }): readonly Button[] | undefined;
}

const firstId = 208_379_533;

export function createMenus(onChange: () => void): Menus {
  let current: { menuId: number; button: readonly Button[] } | undefined;
  let conditional: readonly ConditionalMenu[] = [];
  let lastId = firstId - 1;

  function nextId(): number {
    lastId += 1;
    return lastId;
  }

  return {
    get current() {
      return current;
    },
    get conditional() {
      return conditional;
    },
    console: undefined,
    create(button) {
      current = { menuId: nextId(), button };
      onChange();
    },
    addConditional(menu) {
      const menuId = nextId();
      conditional = [{ menuId, ...menu }, ...conditional];
      return menuId;
    },
    removeConditional(menuId) {
      const left = conditional.filter((menu) => String(menu.menuId) !== menuId);
      if (left.length === conditional.length) return false;
      conditional = left;
      return true;
    },
    clear() {
      current = undefined;
      conditional = [];
      onChange();
    },
    match({ tags, clientPlatform }) {
      const tag = tags.at(-1);
      const found = conditional.find(
        ({ rule }) =>
          (rule.tagId === undefined || rule.tagId === String(tag)) &&
          (rule.clientPlatform === undefined || rule.clientPlatform === clientPlatform),
      );
      return (found ?? current)?.button;
    },
  };
}
