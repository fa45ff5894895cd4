import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';
import { button, field, type House, openHouse } from './support/house.js';
import { storeFailures } from './support/stored.js';

describe.skipIf(!inject('chromium'))('what came, what went, and what to do about it', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse({ replies: () => 'here you are' });
    await house.addUser('olga', 'operator');
  });
  afterAll(() => house.close());

  test('Now is alive: what comes in shows without a reload', async () => {
    const page = await house.as('olga', 'now');
    await page.getByText('live', { exact: true }).waitFor();
    expect(await page.getByText('No worker is alive').count()).toBe(0);
    await page.getByRole('img', { name: /^Lines for each minute .* 0 received/ }).waitFor();
    await house.simulator.user('oAnn').say('where is my parcel');
    await house.simulator.user('oBob').say('hello');
    await settled(house.database, 2);
    await page.getByRole('img', { name: /^Lines for each minute .* 2 received, 2 sent, 0 failed/ }).waitFor();
    await button(page, 'Pause live figures').click();
    await page.getByText('paused', { exact: true }).waitFor();
    expect(house.problems()).toEqual([]);
  });

  test('a message is found by openid and by its text, and tells its attempts', async () => {
    house.simulator.faults.add({ openid: 'oCara', fault: { errcode: -1 } });
    await house.simulator.user('oCara').say('one more question');
    await settled(house.database, 3);
    const page = await house.as('olga', 'messages');
    await field(page, 'openid').fill('oCara');
    await button(page, 'Search').click();
    await page.waitForURL(/openid=oCara/);
    await expect.poll(() => page.getByRole('row').count(), { timeout: 10_000 }).toBe(2);
    await button(page, 'Clear filters').click();
    await expect.poll(() => page.getByRole('row').count(), { timeout: 10_000 }).toBe(4);
    await field(page, 'Text').fill('parcel');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('row').count(), { timeout: 10_000 }).toBe(2);
    await page.getByRole('cell', { name: 'where is my parcel' }).waitFor();

    await page.goto(`${house.url}/#/messages?openid=oCara`);
    await page
      .getByRole('link', { name: /^Open message/ })
      .locator('time')
      .click();
    await page.getByRole('heading', { name: /^Message \d+$/ }).waitFor();
    await page.getByText('here you are').first().waitFor();
    const attempts = page.locator('.attempts li');
    await attempts.nth(1).waitFor();
    expect(await attempts.count()).toBe(2);
    expect(await attempts.nth(0).textContent()).toMatch(/Attempt 1[\s\S]*try again[\s\S]*-1/);
    expect(await attempts.nth(1).textContent()).toMatch(/Attempt 2[\s\S]*sent/);
    expect(house.problems()).toEqual([]);
  });

  test('500 of 2,000 are requeued by filter: first counted, then confirmed, then done', async () => {
    await storeFailures(house.database, house.account.appId, { code: 48001, count: 1_500 });
    house.simulator.faults.add({ times: 500, fault: { errcode: 45002 } });
    for (let user = 0; user < 500; user += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, next) => house.simulator.user(`oLong${user + next}`).say('hi')),
      );
    const refused = `select count(*)::int as n from wechat.delivery where status = 'failed' and errcode = 45002`;
    await waitFor(
      '500 refusals',
      async () => (await house.database.rows<{ n: number }>(refused))[0]?.n === 500,
    );
    const before = house.simulator.delivered.length;
    const page = await house.as('olga', 'deliveries');
    await page.getByRole('combobox', { name: 'State' }).selectOption('failed');
    await field(page, 'Code').fill('45002');
    await button(page, 'Search').click();
    await page.waitForURL(/code=45002/);
    await button(page, 'Requeue …').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('500 match', { exact: true }).waitFor();
    await dialog.getByRole('cell', { name: 'ready' }).waitFor();
    await dialog.getByText('can be done').waitFor();
    const count = 'select count(*)::int as n from wechat.operator_action where action = $1';
    expect(await house.database.rows(count, ['requeue'])).toEqual([{ n: 0 }]);
    await dialog.getByRole('button', { name: 'Yes, do it for 500' }).click();
    await dialog.getByText('Done', { exact: true }).waitFor();
    await dialog.getByRole('row', { name: /^500 requeued/ }).waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await waitFor('500 messages at the user', () => house.simulator.delivered.length - before === 500);
    const left = `select count(*)::int as n from wechat.delivery where status = 'failed' and errcode = 48001`;
    expect(await house.database.rows(left)).toEqual([{ n: 1_500 }]);
    expect(
      await house.database.rows('select distinct actor from wechat.operator_action where action = $1', [
        'requeue',
      ]),
    ).toEqual([{ actor: 'olga' }]);
    await page.goto(`${house.url}/#/actions`);
    await page.getByRole('link', { name: 'olga' }).first().waitFor();
    expect(house.problems()).toEqual([]);
  });
});
