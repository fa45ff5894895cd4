/** A button in the form of WeChat's menu/create: which fields there are depends on its type. */
export interface Button {
  name: string;
  type?: string | undefined;
  key?: string | undefined;
  url?: string | undefined;
  appid?: string | undefined;
  pagepath?: string | undefined;
  media_id?: string | undefined;
  article_id?: string | undefined;
  sub_button?: readonly Button[] | undefined;
}

/** For whom a conditional menu is, in the form of menu/addconditional. */
export type MatchRule = Readonly<Record<string, string>>;

export interface ConditionalMenu {
  matchrule: MatchRule;
  button: readonly Button[];
}

/** What a menu file holds; without a button there is no menu. */
export interface Menu {
  button: readonly Button[];
  /** In the order in which WeChat tries them: the one made last comes first. */
  conditionalmenu: readonly ConditionalMenu[];
}

/** In the order in which they are written. */
const fields = ['name', 'type', 'key', 'url', 'appid', 'pagepath', 'media_id', 'article_id'] as const;

type Unknown = Readonly<Record<string, unknown>>;

/** Two menus that say the same have the same text: known fields in one order, and nothing that is empty. */
export function tidyButton(button: Unknown): Button {
  const filled = fields.flatMap((name) => {
    const value = text(button[name]);
    return value === '' ? [] : [[name, value] as const];
  });
  const below = listOf(button.sub_button).map(tidyButton);
  // One that opens others does nothing itself, whatever type WeChat gives it.
  if (below.length > 0) return { name: text(button.name), sub_button: below };
  return { name: '', ...Object.fromEntries(filled) };
}

export function tidyRule(rule: Unknown): MatchRule {
  // What tags were called before.
  const { group_id, ...rest } = rule;
  const all = { ...(group_id === undefined ? {} : { tag_id: group_id }), ...rest };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (text(value) === '' ? [] : [[name, text(value)]])),
  );
}

/** The objects of a list, or of a list in an object, as the console has it. */
export function listOf(value: unknown): Unknown[] {
  const list = isObject(value) ? value.list : value;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

export function isObject(value: unknown): value is Unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As text: ids that WeChat has as numbers among them. */
export function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** What menus could be chosen by once; such a menu is shown to nobody any more, and none is made (65320). */
export const abolishedConditions = ['sex', 'country', 'province', 'city', 'language'] as const;

export function isAbolished({ matchrule }: ConditionalMenu): boolean {
  return abolishedConditions.some((name) => matchrule[name] !== undefined);
}
