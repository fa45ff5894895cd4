import { WeChatCallError } from '../../accounts/wechat-call.js';
import type { Api } from '../database/api.js';
import {
  type Button,
  type ConditionalMenu,
  isObject,
  listOf,
  type Menu,
  text,
  tidyButton,
  tidyRule,
} from './menu.js';

export interface KnownConditionalMenu extends ConditionalMenu {
  menuId: string;
}

/** What the menu is at WeChat, and where it was made. */
export interface CurrentMenu extends Menu {
  from: 'api' | 'console' | 'none';
  conditionalmenu: readonly KnownConditionalMenu[];
  /** Buttons whose answer the console keeps: no menu of the API's can have it. */
  answered: ReadonlyMap<Button, ConsoleAnswer>;
}

/** What the console answers a click with, in the words of get_current_selfmenu_info. */
export interface ConsoleAnswer {
  type: string;
  value: string;
  /** Of `news`. */
  articles: readonly Readonly<Record<string, unknown>>[];
}

/** menu/get where no menu was made by API. */
const noMenu = [46002, 46003];

export async function fetchMenu({ call }: Pick<Api, 'call'>): Promise<CurrentMenu> {
  const made = await call('GET', '/cgi-bin/menu/get').catch((error: unknown) => {
    if (error instanceof WeChatCallError && noMenu.includes(error.errcode ?? 0)) return undefined;
    throw error;
  });
  const menu = isObject(made?.menu) ? made.menu : {};
  const button = listOf(menu.button).map(tidyButton);
  if (button.length > 0) {
    const conditionalmenu = listOf(made?.conditionalmenu).map((one) => ({
      menuId: text(one.menuid),
      matchrule: tidyRule(isObject(one.matchrule) ? one.matchrule : {}),
      button: listOf(one.button).map(tidyButton),
    }));
    return { from: 'api', button, conditionalmenu, answered: new Map() };
  }
  return fetchOfConsole(call);
}

/** A menu of the console's shows there alone. */
async function fetchOfConsole(call: Api['call']): Promise<CurrentMenu> {
  const told = await call('GET', '/cgi-bin/get_current_selfmenu_info');
  const buttons = isObject(told.selfmenu_info) ? listOf(told.selfmenu_info.button) : [];
  const answered = new Map<Button, ConsoleAnswer>();
  const button = buttons.map((one, place) => {
    const below = listOf(one.sub_button);
    if (below.length === 0) return toButton(one, `menu_${place + 1}`);
    const sub_button = below.map((inner, at) => toButton(inner, `menu_${place + 1}_${at + 1}`));
    return { name: text(one.name), sub_button };
  });
  return { from: button.length > 0 ? 'console' : 'none', button, conditionalmenu: [], answered };

  function toButton(one: Readonly<Record<string, unknown>>, key: string): Button {
    const type = text(one.type);
    if (ofApi.has(type)) return tidyButton(one);
    const made = { name: text(one.name), type: 'click', key };
    answered.set(made, { type, value: text(one.value), articles: listOf(one.news_info) });
    return made;
  }
}

/** Types that the API takes as the console has them; the others are answers that the console keeps. */
const ofApi = new Set([
  ...['click', 'view', 'miniprogram', 'scancode_push', 'scancode_waitmsg'],
  ...['pic_sysphoto', 'pic_photo_or_album', 'pic_weixin', 'location_select'],
  ...['media_id', 'view_limited', 'article_id', 'article_view_limited'],
]);
