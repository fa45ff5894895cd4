import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, test as everywhere, expect, inject } from 'vitest';
import { type Browser, startBrowser } from '../support/browser.js';
import { findingsOf, tooWide } from '../support/look.js';
import { phoneOf, png } from './phone-support.js';
import { account, send, simulateAcknowledged, textTo } from './support.js';

const pageFolder = path.resolve(import.meta.dirname, '../../dist/simulator/phone/page');
const phone = { accountNames: { [account.appId]: '晨光书店' }, pageFolder };
const test = everywhere.skipIf(!inject('chromium'));

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser(inject('chromium'));
});
afterAll(() => browser.close());

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const markup = '<img src=x onerror="document.title=\'broken\'"><script>document.title="broken"</script>';

test('from following to the failure of everything, by mouse and by keyboard', {
  timeout: 90_000,
}, async () => {
  const simulator = await simulateAcknowledged({ phone });
  const { openid } = await phoneOf(simulator).me();
  const page = await browser.open(simulator.phoneUrl ?? '');
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(String(error)));

  await button(page, '关注公众号').click();
  await page.getByText('你已关注公众号').waitFor();
  await page.getByText('还能发 3 条').waitFor();
  await button(page, '逛逛').click();
  await button(page, '附近门店').click();
  await page.getByLabel('地点名称').fill('人民广场');
  await page.keyboard.press('Enter');
  await page.getByRole('log').getByText('人民广场').waitFor();

  await button(page, '切换到键盘').click();
  await page.keyboard.type(`你好 ${markup}`);
  await page.keyboard.press('Enter');
  await page.getByRole('log').getByText(markup).waitFor();
  await page.getByLabel('图片', { exact: true }).setInputFiles({
    name: 'dot.png',
    mimeType: 'image/png',
    buffer: png,
  });
  await page.getByRole('img', { name: '图片' }).waitFor();

  const links = `${markup}<a href="https://a.example/">好</a><a href="javascript:document.title='broken'">坏</a>`;
  expect(await send(simulator, textTo(openid, links))).toBe(0);
  const link = page.getByRole('link', { name: '好' });
  expect(await link.getAttribute('rel')).toContain('noopener');
  expect(await page.getByRole('link').count()).toBe(1);
  await send(simulator, {
    touser: openid,
    msgtype: 'msgmenu',
    msgmenu: { head_content: '满意吗', list: [{ id: '1', content: '满意' }], tail_content: '' },
  });
  await button(page, '满意').click();
  await page.locator('.of-user').getByText('满意').waitFor();

  await page.getByLabel('怎么错').selectOption({ label: '48001 没有接口权限' });
  await button(page, '生效').click();
  await page.getByText('48001 没有接口权限 · 发客服消息 · 所有人 · 接下来 1 次').waitFor();
  expect(await send(simulator, textTo(openid, 'never seen'))).toBe(48001);
  await page.getByRole('cell', { name: '48001' }).waitFor();
  await page.getByText('一切正常').waitFor();

  await page.getByLabel('推送送不到（服务出现故障）').check();
  await page.getByLabel('输入消息').fill('在吗');
  await button(page, '发送').click();
  await page.getByText('该公众号提供的服务出现故障，请稍后再试').waitFor();
  await button(page, '全部撤销').click();
  await page.getByText('一切正常').waitFor();
  expect(await page.title()).toBe('手机 · 模拟微信');
  expect(failures).toEqual([]);
});

test('a new user has a chat of their own', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const page = await browser.open(simulator.phoneUrl ?? '', { language: 'en' });
  await page.getByRole('button', { name: 'New user' }).click();
  await page.getByLabel('Name').fill(`<b>Ann</b>`);
  await button(page, 'OK').click();
  const chosen = () => page.locator('select.users option:checked').textContent();
  await expect.poll(chosen, { timeout: 10_000 }).toBe('<b>Ann</b>');
  await button(page, 'Scan QR code').click();
  await page.getByLabel('Scene of the QR code').fill('window');
  await button(page, 'OK').click();
  await page.getByText('You scanned window and follow the account').waitFor();
});

test.each([
  { width: 1280, colours: 'light', language: 'zh-CN' },
  { width: 1280, colours: 'dark', language: 'en' },
  { width: 360, colours: 'dark', language: 'zh-CN' },
] as const)(
  'axe finds nothing, and nothing is wider than the page: %j',
  { timeout: 60_000 },
  async (options) => {
    const simulator = await simulateAcknowledged({ phone });
    const { openid } = await phoneOf(simulator).me();
    await simulator.user(openid).subscribe();
    await simulator.user(openid).say('详见 https://a.example/ 好');
    await simulator.user(openid).voice({ recognition: '有什么书' });
    const answers = {
      text: { content: '<a href="https://a.example/">好</a>' },
      news: { articles: [{ title: '题', description: '文', url: 'https://a.example/' }] },
      music: { title: '歌', description: '词', musicurl: 'https://a.example/', thumb_media_id: 'm' },
      miniprogrampage: { title: '小程序', appid: 'wxm', pagepath: 'pages/a', thumb_media_id: 'm' },
      msgmenu: { head_content: '满意吗', list: [{ id: '1', content: '满意' }], tail_content: '' },
      video: { media_id: 'm', title: '片', description: '长'.repeat(200) },
      image: { media_id: 'm' },
    };
    for (const [msgtype, part] of Object.entries(answers))
      expect(await send(simulator, { touser: openid, msgtype, [msgtype]: part })).toBe(0);
    const client = phoneOf(simulator);
    await client.trouble({ kind: 'webhook', isDown: true });
    await client.act({ kind: 'say', text: '在吗' });
    const page = await browser.open(simulator.phoneUrl ?? '', options);
    await page.locator('.notice').waitFor();
    const tab = { 'zh-CN': '控制台', en: 'Panel' }[options.language];
    const places = options.width < 900 ? [async () => {}, () => button(page, tab).click()] : [async () => {}];
    for (const open of places) {
      await open();
      expect(await findingsOf(page)).toEqual([]);
      expect(await tooWide(page)).toBeLessThanOrEqual(0);
    }
  },
);
