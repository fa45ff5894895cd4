import type { AccountState } from '../state/accounts.js';
import type { Button } from '../state/menus.js';
import { hostsOf, parseButtons, parseMatchRule } from './menu-form.js';
import { type ApiRequest, isFilled, isObject, type RequestBody } from './request.js';
import { type ApiResponse, done, refuse } from './responses.js';
import { hasEscapes } from './send.js';

type Route = (account: AccountState, request: ApiRequest) => ApiResponse;

/** All conditional menus together may lead to so many hosts. */
const maxHosts = 3;

/** The calls about menus, for a token that has been checked. */
export const menuRoutes: Readonly<
  Record<'create' | 'get' | 'delete' | 'addConditional' | 'delConditional' | 'tryMatch' | 'selfMenu', Route>
> = {
  create({ menus }, { body }) {
    const read = readObject(body);
    if ('errcode' in read) return refuse(read.errcode);
    const parsed = parseButtons(read.json.button);
    if ('errcode' in parsed) return refuse(parsed.errcode);
    menus.create(parsed.button);
    return { json: done };
  },

  get({ menus: { current, conditional } }) {
    if (!current) return refuse(46003);
    const menus = conditional.map(({ button, matchrule, menuId }) => ({
      button: shown(button),
      matchrule,
      menuid: menuId,
    }));
    return {
      json: {
        menu: { button: shown(current.button), menuid: current.menuId },
        ...(menus.length === 0 ? {} : { conditionalmenu: menus }),
      },
    };
  },

  delete({ menus }) {
    menus.clear();
    return { json: done };
  },

  addConditional({ menus }, { body }) {
    const read = readObject(body);
    if ('errcode' in read) return refuse(read.errcode);
    const { button, matchrule } = read.json;
    const parsed = parseButtons(button);
    if ('errcode' in parsed) return refuse(parsed.errcode);
    if (!menus.current) return refuse(65303);
    const matched = parseMatchRule(matchrule);
    if ('errcode' in matched) return refuse(matched.errcode);
    const hosts = [...menus.conditional.map((menu) => menu.button), parsed.button].flatMap(hostsOf);
    if (new Set(hosts).size > maxHosts) return refuse(65316);
    const added = { ...parsed, ...matched, matchrule: isObject(matchrule) ? matchrule : {} };
    return { json: { menuid: String(menus.addConditional(added)) } };
  },

  delConditional({ menus }, { body }) {
    const read = readObject(body);
    if ('errcode' in read) return refuse(read.errcode);
    return menus.removeConditional(String(read.json.menuid)) ? { json: done } : refuse(65301);
  },

  tryMatch({ menus, followers, unsubscribed }, { body }) {
    const read = readObject(body);
    if ('errcode' in read) return refuse(read.errcode);
    const { user_id: openid } = read.json;
    const follower = isFilled(openid) && !unsubscribed.has(openid) ? followers.find(openid) : undefined;
    if (!follower) return refuse(65302);
    const button = menus.match(follower);
    return button ? { json: { button: shown(button) } } : refuse(46003);
  },

  selfMenu({ menus: { current, console } }) {
    if (!current && !console) return { json: { is_menu_open: 0 } };
    return {
      json: { is_menu_open: 1, selfmenu_info: current ? { button: current.button.map(listed) } : console },
    };
  },
};

function readObject({
  text,
  isUtf8,
  json,
}: RequestBody): { json: Record<string, unknown> } | { errcode: number } {
  if (text === '') return { errcode: 44002 };
  if (!isUtf8) return { errcode: 65318 };
  if (hasEscapes(text)) return { errcode: 40033 };
  return isObject(json) ? { json } : { errcode: 47001 };
}

/** WeChat gives each button the list of those below it. */
function shown(buttons: readonly Button[]): Button[] {
  return buttons.map(({ sub_button, ...button }) => ({
    ...button,
    sub_button: Array.isArray(sub_button) ? shown(sub_button as Button[]) : [],
  }));
}

/** As the console has it: with a list inside of an object, and only where there is one. */
function listed({ sub_button, ...button }: Button): Button {
  return Array.isArray(sub_button) && sub_button.length > 0
    ? { name: button.name, sub_button: { list: (sub_button as Button[]).map(listed) } }
    : button;
}
