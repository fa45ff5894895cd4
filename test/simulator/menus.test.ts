import { expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';
import { phoneOf } from './phone-support.js';
import { account, call, get, simulate, simulateAcknowledged, tokenOf } from './support.js';

/** Calls about menus, with a token. */
async function menusOf(simulator: Simulator) {
  const token = await tokenOf(simulator);
  const at = (path: string) => `/cgi-bin/${path}?access_token=${token}`;
  return {
    get: (path: string) => get(simulator, at(path)),
    post: (path: string, body: string | object) => call(simulator, at(path), body),
    async create(...button: readonly unknown[]) {
      return (await call(simulator, at('menu/create'), { button })).errcode;
    },
  };
}

const books = { name: '新书', type: 'click', key: 'new_books' };
const site = { name: '官网', type: 'view', url: 'https://shop.example.com/' };

test('a menu is what was made last, and none after it was deleted', async () => {
  const menus = await menusOf(await simulate());
  expect(await menus.get('menu/get')).toMatchObject({ errcode: 46003 });
  expect(await menus.get('get_current_selfmenu_info')).toEqual({ is_menu_open: 0 });
  expect(await menus.create(books)).toBe(0);
  expect(await menus.create(books, { name: '服务', sub_button: [site] })).toBe(0);
  expect(await menus.get('menu/get')).toEqual({
    menu: {
      button: [
        { ...books, sub_button: [] },
        { name: '服务', sub_button: [{ ...site, sub_button: [] }] },
      ],
      menuid: expect.any(Number),
    },
  });
  expect(await menus.get('get_current_selfmenu_info')).toEqual({
    is_menu_open: 1,
    selfmenu_info: { button: [books, { name: '服务', sub_button: { list: [site] } }] },
  });
  expect(await menus.get('menu/delete')).toMatchObject({ errcode: 0 });
  expect(await menus.get('menu/get')).toMatchObject({ errcode: 46003 });
});

const wide = (count: number) => Array.from({ length: count }, () => site);

test.for<[string, unknown[], number]>([
  ['no button', [], 40016],
  ['four buttons', wide(4), 40016],
  ['a name of 18 bytes', [{ ...books, name: '六个汉字的名' }], 40018],
  ['a type that there is not', [{ ...books, type: 'text' }], 40017],
  ['a click without a key', [{ name: 'a', type: 'click' }], 40019],
  ['a key of 129 bytes', [{ ...books, key: 'k'.repeat(129) }], 40019],
  ['a page without an address', [{ name: 'a', type: 'view' }], 40020],
  ['an address that is none', [{ ...site, url: 'shop.example.com' }], 40055],
  ['a button that does nothing', [{ name: 'a' }], 65308],
  ['six below', [{ name: 'a', sub_button: wide(6) }], 40023],
  ['a name of 61 bytes below', [{ name: 'a', sub_button: [{ ...site, name: 'n'.repeat(61) }] }], 40025],
  ['buttons below those below', [{ name: 'a', sub_button: [{ name: 'b', sub_button: [site] }] }], 40022],
  ['a type below that there is not', [{ name: 'a', sub_button: [{ ...books, type: 'x' }] }], 40024],
  ['a mini program without its page', [{ ...site, type: 'miniprogram', appid: 'wx1' }], 40165],
  ['an article without its id', [{ name: 'a', type: 'article_id' }], 53600],
])('a menu with %s is refused by WeChat’s code', async ([_name, button, errcode]) => {
  const menus = await menusOf(await simulate());
  expect(await menus.create(...button)).toBe(errcode);
  expect(await menus.get('menu/get')).toMatchObject({ errcode: 46003 });
});

test('a menu must come as JSON in raw UTF-8', async () => {
  const menus = await menusOf(await simulate());
  expect(await menus.post('menu/create', '')).toMatchObject({ errcode: 44002 });
  expect(await menus.post('menu/create', '{')).toMatchObject({ errcode: 47001 });
  const escaped = '{"button":[{"name":"\\u65b0","type":"click","key":"K"}]}';
  expect(await menus.post('menu/create', escaped)).toMatchObject({ errcode: 40033 });
});

test('a conditional menu is shown to whom it is for, the one made last first', async () => {
  const simulator = await simulateAcknowledged();
  const menus = await menusOf(simulator);
  const add = (button: object, matchrule: object) =>
    menus.post('menu/addconditional', { button: [button], matchrule });
  expect(await add(site, { tag_id: '2' })).toMatchObject({ errcode: 65303 });
  await menus.create(books);
  const { menuid } = await add(site, { tag_id: '2' });
  await add({ ...site, name: '会员' }, { tag_id: '2' });
  await simulator.user('oAnna').say('hello');
  const shown = async () => (await menus.post('menu/trymatch', { user_id: 'oAnna' })).button;
  expect(await shown()).toMatchObject([books]);
  simulator.followers.set('oAnna', { tags: [7, 2] });
  expect(await shown()).toMatchObject([{ name: '会员' }]);
  expect(await menus.get('menu/get')).toMatchObject({
    conditionalmenu: [
      { button: [{ name: '会员' }] },
      { button: [site], matchrule: { tag_id: '2' }, menuid: Number(menuid) },
    ],
  });
  expect(await menus.post('menu/delconditional', { menuid })).toMatchObject({ errcode: 0 });
  expect(await menus.post('menu/delconditional', { menuid })).toMatchObject({ errcode: 65301 });
  expect(await menus.post('menu/trymatch', { user_id: 'oNobody' })).toMatchObject({ errcode: 65302 });
});

test.for<[string, unknown, number]>([
  ['without a condition', undefined, 65304],
  ['with an empty one', { tag_id: '' }, 65304],
  ['by sex, which is abolished', { sex: '1' }, 65320],
  ['for a system that there is not', { client_platform_type: '9' }, 40035],
])('a conditional menu %s is refused', async ([_name, matchrule, errcode]) => {
  const menus = await menusOf(await simulate());
  await menus.create(books);
  expect(await menus.post('menu/addconditional', { button: [books], matchrule })).toMatchObject({ errcode });
});

test('conditional menus lead to three hosts, not to four', async () => {
  const menus = await menusOf(await simulate());
  await menus.create(books);
  const lead = (host: string) =>
    menus.post('menu/addconditional', {
      button: [{ ...site, url: `https://${host}/` }],
      matchrule: { tag_id: '1' },
    });
  for (const host of ['a.example', 'b.example', 'c.example', 'a.example'])
    expect(await lead(host)).toHaveProperty('menuid');
  expect(await lead('d.example')).toMatchObject({ errcode: 65316 });
});

test('the phone shows the menu that was made by API, and none when it was deleted', async () => {
  const simulator = await simulateAcknowledged({ phone: {} });
  const menus = await menusOf(simulator);
  const shown = async () => (await phoneOf(simulator).state()).accounts[0]?.menu;
  expect(await shown()).toHaveLength(3);
  await menus.create(books);
  expect(await shown()).toEqual([books]);
  await menus.get('menu/delete');
  expect(await shown()).toEqual([]);
});

test('a menu of the console is told where there is none by API', async () => {
  const simulator = await simulate();
  const menu = { button: [{ name: '优惠', type: 'text', value: '八折' }] };
  simulator.menus.setInConsole(menu, account.appId);
  const menus = await menusOf(simulator);
  expect(await menus.get('get_current_selfmenu_info')).toEqual({ is_menu_open: 1, selfmenu_info: menu });
  expect(await menus.get('menu/get')).toMatchObject({ errcode: 46003 });
});
