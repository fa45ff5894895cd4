import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { findingsOf, tooWide } from '../support/look.js';
import { button, type House } from './support/house.js';
import { markup, openLivelyHouse, strange, talker, waiter } from './support/lively.js';

const looks = [
  { width: 1280, colours: 'light', language: 'en' },
  { width: 1280, colours: 'dark', language: 'zh-CN' },
  { width: 360, colours: 'dark', language: 'en' },
  { width: 360, colours: 'light', language: 'zh-CN' },
] as const;

describe.skipIf(!inject('chromium'))('every page', () => {
  let house: House;
  /** By place: what a page shows once it is there. */
  let places: Record<string, string>;

  beforeAll(async () => {
    house = await openLivelyHouse();
    const { appId } = house.account;
    const [row] = await house.database.rows<{ id: string }>(
      `select message_id as id from wechat.delivery where status = 'failed' and openid = $1`,
      [talker],
    );
    const chat = (openid: string) => `conversations/${appId}/${encodeURIComponent(openid)}`;
    places = {
      now: '.figures-row',
      messages: 'tbody tr',
      'messages?openid=oNobody': '.empty, .card',
      deliveries: 'tbody tr',
      [`messages/${row?.id}`]: '.attempts',
      [`why?openid=${talker}`]: '.finding',
      [`why?openid=${encodeURIComponent(strange)}`]: '.finding',
      conversations: '.item',
      [chat(talker)]: '.turn',
      [chat(waiter)]: '.turn',
      [chat(strange)]: '.turn',
      rules: '.editor',
      analytics: '.chart canvas, .chart svg',
      actions: 'tbody tr',
      accounts: '.account',
      users: 'tbody tr',
      'no-right?place=users': 'main',
      'nowhere-at-all': 'main',
    };
  }, 120_000);
  afterAll(() => house.close());

  async function look(page: Page, what: string): Promise<void> {
    expect({ what, findings: await findingsOf(page) }).toEqual({ what, findings: [] });
    expect({ what, tooWide: (await tooWide(page)) > 0 }).toEqual({ what, tooWide: false });
    expect({ what, ran: await page.evaluate('window.__xss ?? null') }).toEqual({ what, ran: null });
    expect({ what, problems: problems() }).toEqual({ what, problems: [] });
  }

  /** But for a picture that is nowhere, of which the browser itself tells, beside the words of the page. */
  const problems = () =>
    house.problems().filter((problem) => !/status of 410 .*\/api\/media\/m\d+/.test(problem));

  test.each(looks)(
    'is for all people, fits, and runs nothing that somebody wrote: %j',
    { timeout: 180_000 },
    async (options) => {
      const page = await house.as('ada', 'now', options);
      for (const [place, sign] of Object.entries(places)) {
        await page.goto(`${house.url}/#/${place}`);
        await page.locator(sign).first().waitFor();
        await expect.poll(() => page.locator('[aria-busy=true]').count(), { timeout: 10_000 }).toBe(0);
        expect(await page.locator('html').getAttribute('lang')).toBe(options.language);
        await look(page, place);
      }
    },
  );

  test.each(looks)('and the sign-in, by name and by link: %j', async (options) => {
    const page = await house.visitor('', options);
    await page.locator('form').waitFor();
    await look(page, 'sign-in');
    await page.goto(`${house.url}/api/link?key=none`);
    await look(page, 'link');
  });

  test('and what opens above it', async () => {
    const page = await house.as('ada', 'messages?state=failed', { colours: 'dark' });
    await button(page, 'Requeue …').click();
    await page.getByRole('dialog').getByRole('row').nth(1).waitFor();
    await look(page, 'requeue');
    await page.goto(`${house.url}/#/conversations/${house.account.appId}/${waiter}`);
    await button(page, 'Take over').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('The bot is silent from then on').waitFor();
    await look(page, 'take over');
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await button(page, 'Saved answers').click();
    await page.getByRole('dialog').getByText(markup).first().waitFor();
    await look(page, 'saved answers');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await button(page, 'Keyboard shortcuts').click();
    await page.getByRole('dialog').getByText('this list').waitFor();
    await look(page, 'shortcuts');
  });

  test('what users, WeChat and colleagues wrote is seen as they wrote it', async () => {
    const page = await house.as('ada', `conversations/${house.account.appId}/${talker}`);
    await page.getByText(`hello ${markup}`, { exact: true }).first().waitFor();
    await page.getByText(`answer to hello ${markup}`, { exact: true }).first().waitFor();
    expect(await page.locator('a[href^="javascript:"]').count()).toBe(0);
    await page.goto(`${house.url}/#/users`);
    await page.getByText(`Ada ${markup}`, { exact: true }).first().waitFor();
    await page.goto(`${house.url}/#/deliveries?state=failed`);
    await page.getByText(`refused ${markup}`).first().waitFor();
    await page.goto(`${house.url}/#/accounts`);
    await page.getByRole('heading', { name: `Shop ${markup}` }).waitFor();
    await page.goto(`${house.url}/#/why?openid=oBug`);
    await page.getByText(`a bug ${markup}`).first().waitFor();
    await page.goto(`${house.url}/#/messages?openid=${encodeURIComponent(strange)}`);
    await page.getByText(strange, { exact: true }).first().waitFor();
    expect(await page.evaluate('window.__xss ?? null')).toBe(null);
    expect(problems()).toEqual([]);
  });
});
