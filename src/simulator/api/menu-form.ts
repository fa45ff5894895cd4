import type { Button, MatchRule } from '../state/menus.js';
import { isFilled, isObject } from './request.js';

/** The codes of a button at the top, and of one below. */
interface Level {
  type: number;
  name: number;
  key: number;
  url: number;
  domain: number;
  maxNameBytes: number;
}

const top: Level = { type: 40017, name: 40018, key: 40019, url: 40020, domain: 40055, maxNameBytes: 16 };
const below: Level = { type: 40024, name: 40025, key: 40026, url: 40027, domain: 40054, maxNameBytes: 60 };

const maxTop = 3;
const maxBelow = 5;
const maxKeyBytes = 128;
const maxUrlBytes = 1_024;

type Check = (button: Button, level: Level) => number | undefined;

const keyed: Check = ({ key }, level) =>
  isFilled(key) && Buffer.byteLength(key) <= maxKeyBytes ? undefined : level.key;

const viewed: Check = ({ url }, level) => {
  if (!isFilled(url) || Buffer.byteLength(url) > maxUrlBytes) return level.url;
  return /^https?:\/\/[^/]/.test(url) ? undefined : level.domain;
};

/** What each type must have. Source: the page of menu/create. */
const checks: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  ['click', keyed],
  ['view', viewed],
  ['scancode_push', keyed],
  ['scancode_waitmsg', keyed],
  ['pic_sysphoto', keyed],
  ['pic_photo_or_album', keyed],
  ['pic_weixin', keyed],
  ['location_select', keyed],
  [
    'miniprogram',
    (button, level) => {
      if (!isFilled(button.appid)) return 40166;
      return isFilled(button.pagepath) ? viewed(button, level) : 40165;
    },
  ],
  ['media_id', ({ media_id }) => (isFilled(media_id) ? undefined : 40007)],
  ['view_limited', ({ media_id }) => (isFilled(media_id) ? undefined : 40007)],
  ['article_id', ({ article_id }) => (isFilled(article_id) ? undefined : 53600)],
  ['article_view_limited', ({ article_id }) => (isFilled(article_id) ? undefined : 53600)],
]);

/** The buttons of a menu, or the errcode that refuses them. */
export function parseButtons(value: unknown): { button: readonly Button[] } | { errcode: number } {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxTop) return { errcode: 40016 };
  for (const button of value) {
    const errcode = refusalOf(button, top);
    if (errcode !== undefined) return { errcode };
  }
  return { button: value as Button[] };
}

function refusalOf(button: unknown, level: Level): number | undefined {
  if (!isObject(button)) return level.type;
  const { name, type, sub_button: subButtons } = button;
  if (!isFilled(name) || Buffer.byteLength(name) > level.maxNameBytes) return level.name;
  const hasBelow = Array.isArray(subButtons) && subButtons.length > 0;
  if (hasBelow && level === below) return 40022;
  if (hasBelow) return refusalOfAll(subButtons);
  if (type === undefined) return 65308;
  const check = checks.get(type);
  return check ? check(button, level) : level.type;
}

function refusalOfAll(buttons: readonly unknown[]): number | undefined {
  if (buttons.length > maxBelow) return 40023;
  for (const button of buttons) {
    const errcode = refusalOf(button, below);
    if (errcode !== undefined) return errcode;
  }
  return undefined;
}

/** What menus can no longer be chosen by. */
const abolished = ['sex', 'country', 'province', 'city', 'language'];

/** For whom a conditional menu is, or the errcode that refuses it. */
export function parseMatchRule(value: unknown): { rule: MatchRule } | { errcode: number } {
  if (!isObject(value)) return { errcode: 65304 };
  const has = (name: string) => value[name] !== undefined && value[name] !== '';
  if (abolished.some(has)) return { errcode: 65320 };
  const { tag_id, client_platform_type } = value;
  const rule = {
    ...(has('tag_id') ? { tagId: String(tag_id) } : {}),
    ...(has('client_platform_type') ? { clientPlatform: String(client_platform_type) } : {}),
  };
  if (Object.keys(rule).length === 0) return { errcode: 65304 };
  return !rule.clientPlatform || /^[123]$/.test(rule.clientPlatform) ? { rule } : { errcode: 40035 };
}

/** The hosts that the buttons lead to. */
export function hostsOf(buttons: readonly Button[]): string[] {
  return buttons.flatMap(({ url, sub_button }) => [
    ...(isFilled(url) && URL.canParse(url) ? [new URL(url).host] : []),
    ...(Array.isArray(sub_button) ? hostsOf(sub_button as Button[]) : []),
  ]);
}
