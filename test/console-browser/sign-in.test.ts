import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { freePort, startIssuer } from '../support/issuer.js';
import { button, type House, openHouse, password } from './support/house.js';

describe.skipIf(!inject('chromium'))('sign-in', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());

  test('by the link that the log names, once, as long as there is no user', async () => {
    const line = house.service.logged.find(({ event }) => event === 'console_link');
    const link = String(line?.url);
    expect(link).toContain(`${house.url}/api/link?key=`);
    const path = link.slice(house.url.length + 1);
    const page = await house.visitor(path);
    await button(page, 'Sign in').click();
    await page.getByRole('heading', { name: 'Now', exact: true }).waitFor();
    await page.getByText('first-link').waitFor();
    expect(house.problems()).toEqual([]);
    const other = await house.visitor(path);
    await button(other, 'Sign in').click();
    await other.getByText('This link was used, or is over.').waitFor();
    house.problems();
  });

  test('by name and password leads to where one wanted to go, and out again', async () => {
    await house.addUser('mei', 'operator', '梅');
    const page = await house.visitor('#/why?openid=oNobody');
    await page.getByLabel('Name').fill('mei');
    await page.getByLabel('Password').fill('another horse');
    await button(page, 'Sign in').click();
    await page.getByText('Name or password is wrong.').waitFor();
    // The browser itself says that an answer was 401.
    expect(house.problems()).toEqual([expect.stringContaining('401')]);
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Why no answer?', exact: true }).waitFor();
    await page.getByText('WeChat never pushed a message of this user to us').waitFor();
    await page.getByTitle('Signed in as mei').getByText('梅').waitFor();
    await page.reload();
    // What is asked while one signs out would be refused.
    await page.getByText('WeChat never pushed a message of this user to us').waitFor();
    await button(page, 'Sign out').click();
    await page.getByLabel('Password').waitFor();
    await page.goto(`${house.url}/#/messages`);
    await page.getByLabel('Password').waitFor();
    expect(house.problems()).toEqual([]);
  });

  test('a viewer sees no way to change anything, and no page that is none of theirs', async () => {
    await house.addUser('vera', 'viewer');
    const page = await house.as('vera', 'users');
    await page.getByRole('heading', { name: 'No right to this page' }).waitFor();
    await page.goto(`${house.url}/#/accounts`);
    await page.getByText(house.account.appId).first().waitFor();
    expect(await button(page, 'Pause').count()).toBe(0);
    expect(house.problems()).toEqual([]);
  });

  test('by OpenID Connect, with why it let nobody in', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/console`;
    const zhang = { sub: 'u-1', preferred_username: 'zhang', name: '张三' };
    const issuer = await startIssuer(zhang, url);
    const own = await openHouse({
      settings: {
        ...{ ADMIN_PORT: String(port), CONSOLE_URL: url, CONSOLE_OIDC_ISSUER: issuer },
        ...{ CONSOLE_OIDC_CLIENT_ID: 'console', CONSOLE_OIDC_CLIENT_SECRET: 'console-secret' },
      },
    });
    onTestFinished(() => own.close());
    const page = await own.visitor();
    const way = page.getByRole('link', { name: `Sign in with ${new URL(issuer).host}` });
    await way.click();
    await page.getByText('You are known there, but have no role here.').waitFor();
    await own.database.rows(
      `insert into wechat.console_user (name, display_name, role) values ('zhang', '张三', 'viewer') returning name`,
    );
    await way.click();
    await page.getByTitle('Signed in as zhang').waitFor();
    expect(own.problems()).toEqual([]);
  });
});
