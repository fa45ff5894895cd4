import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { waitFor } from '../support/wait.js';
import { button, field, type House, openHouse } from './support/house.js';

describe.skipIf(!inject('chromium'))('what did not end as usual, on the pages', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse({ replies: () => 'here you are', settings: { ON_UNKNOWN: 'hold' } });
    await house.addUser('olga', 'operator');
  });
  afterAll(() => house.close());

  const stateOf = async (openid: string) => {
    const [row] = await house.database.rows<{ status: string }>(
      'select status from wechat.delivery where openid = $1 order by id desc limit 1',
      [openid],
    );
    return row?.status;
  };

  async function whyOf(openid: string): Promise<string> {
    const page = await house.as('olga', `why?openid=${openid}`);
    await page.locator('.finding').first().waitFor();
    return (await page.locator('.why').textContent()) ?? '';
  }

  test('nobody knows whether it arrived: it waits for a person, who sends it again', async () => {
    house.simulator.faults.add({ openid: 'oPerhaps', fault: { reset: 'after' } });
    await house.simulator.user('oPerhaps').say('hi');
    await waitFor('an unknown outcome', async () => (await stateOf('oPerhaps')) === 'unknown');
    expect(await whyOf('oPerhaps')).toContain('Nobody knows whether the answer arrived');

    const page = await house.as('olga', 'deliveries');
    await page.getByRole('combobox', { name: 'State' }).selectOption('unknown');
    await page.waitForURL(/state=unknown/);
    const row = page.getByRole('row').filter({ hasText: 'here you are' });
    await row.getByText('unknown', { exact: true }).waitFor();
    await row
      .getByRole('link', { name: /^Open message/ })
      .locator('time')
      .click();
    const attempts = page.locator('.attempts li');
    await attempts.first().waitFor();
    expect(await attempts.first().textContent()).toMatch(/Attempt 1[\s\S]*unknown/);
    await button(page, 'Requeue …').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Yes, do it for 1' }).click();
    await dialog.getByRole('row', { name: /^1 requeued/ }).waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await attempts.nth(1).getByText('sent', { exact: true }).waitFor();
    expect(await stateOf('oPerhaps')).toBe('sent');
    expect(house.problems()).toEqual([]);
  });

  test('what waits is cancelled by a button, and the page says so at once', async () => {
    house.simulator.faults.add({ openid: 'oNever', times: Number.POSITIVE_INFINITY, fault: { errcode: -1 } });
    await house.simulator.user('oNever').say('hi');
    const waits = `select message_id as id from wechat.delivery where openid = 'oNever' and attempts > 3`;
    const id = await waitFor(
      'some tries',
      async () => (await house.database.rows<{ id: string }>(waits))[0]?.id,
    );
    // Its next try is far away from here on: none may begin between the verdict and the yes.
    const putOff = `update wechat.lane set due_at = now() + interval '1 hour' where openid = 'oNever' and claim is null returning id`;
    await waitFor(
      'nobody to be at work on it',
      async () => (await house.database.rows<{ id: string }>(putOff)).length === 1,
    );
    const page = await house.as('olga', `messages/${id}`);
    await button(page, 'Cancel …').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('cell', { name: 'ready', exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Yes, do it for 1' }).click();
    await dialog.getByRole('row', { name: /^1 cancelled/ }).waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await page.locator('article').getByText('cancelled', { exact: true }).waitFor();
    expect(await stateOf('oNever')).toBe('cancelled');
    expect(await whyOf('oNever')).toContain('An operator cancelled it');
    await page.goto(`${house.url}/#/deliveries?state=cancelled`);
    await page.getByRole('row').filter({ hasText: 'oNever' }).waitFor();
    expect(house.problems()).toEqual([]);
  });

  test('of a user who was forgotten the pages show that somebody wrote, not who and what', async () => {
    await house.simulator.user('oGone').say('my name is Rumpelstiltskin');
    await house.simulator.waitForDelivered('oGone', 1);
    await waitFor('it to be forgotten', async () => {
      const [done] = await house.database.rows<{ in_hand: number }>(
        'select in_hand::int from wechat.forget($1, $2)',
        [house.account.appId, 'oGone'],
      );
      return done?.in_hand === 0;
    });
    const [row] = await house.database.rows<{ id: string; openid: string }>(
      'select id, openid from wechat.inbound_message where forgotten_at is not null',
    );
    const pseudonym = row?.openid ?? '';
    expect(pseudonym).toMatch(/^forgotten-/);
    expect(await whyOf('oGone')).toContain('WeChat never pushed a message of this user to us');
    expect(await whyOf(pseudonym)).toContain('This user was forgotten');

    const page = await house.as('olga', `messages?openid=${pseudonym}`);
    await expect.poll(() => page.getByRole('row').count(), { timeout: 10_000 }).toBe(2);
    await page.goto(`${house.url}/#/messages/${row?.id}`);
    await page.getByRole('heading', { name: `Message ${row?.id}` }).waitFor();
    await page.locator('article').getByText('sent', { exact: true }).first().waitFor();
    for (const place of ['messages', 'deliveries', 'conversations']) {
      await page.goto(`${house.url}/#/${place}`);
      await page.locator('tbody tr, .item').first().waitFor();
      expect(await page.locator('main').textContent()).not.toMatch(/oGone|Rumpelstiltskin/);
    }
    await page.goto(`${house.url}/#/messages`);
    await field(page, 'Text').fill('Rumpelstiltskin');
    await button(page, 'Search').click();
    await page.getByText('No message matches').waitFor();
    await page.goto(`${house.url}/#/conversations/${house.account.appId}/oGone`);
    await page.getByText('There is no such conversation.').waitFor();
    const problems = house.problems().filter((problem) => !/status of 404 .*\/conversations\//.test(problem));
    expect(problems).toEqual([]);
  });
});
