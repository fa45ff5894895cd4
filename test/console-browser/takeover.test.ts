import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { png } from '../simulator/phone-support.js';
import { voice } from '../support/files.js';
import type { TestService } from '../support/service.js';
import { waitFor } from '../support/wait.js';
import { button, type House, openHouse } from './support/house.js';

/** An audio element, of the page. */
interface Player {
  play(): Promise<void>;
  ended: boolean;
  duration: number;
}

describe.skipIf(!inject('chromium'))('an agent takes a conversation over', () => {
  let house: House;
  let worker: TestService;
  let [anna, bert]: Page[] = [];
  const of = (page: Page | undefined): Page => {
    if (!page) throw new Error('nobody is there');
    return page;
  };
  const tomReads = () =>
    house.simulator.inboxOf('oTom').map(({ msgtype, text }) => (msgtype === 'text' ? text : msgtype));

  beforeAll(async () => {
    house = await openHouse({ role: 'ingress', replies: () => 'I am a bot' });
    worker = await house.startWorker();
    for (const name of ['anna', 'bert']) await house.addUser(name, 'agent');
    await house.simulator.user('oTom').say('hello');
    await house.simulator.waitForDelivered('oTom', 1);
    const place = `conversations/${house.account.appId}/oTom`;
    [anna, bert] = [await house.as('anna', place), await house.as('bert', place)];
  });
  afterAll(async () => {
    await worker.stop();
    await house.close();
  });

  test('one of two gets it, and the other sees who', async () => {
    for (const page of [anna, bert]) {
      await of(page).getByText('The bot answers here.').waitFor();
      await button(of(page), 'Take over').first().click();
    }
    const dialogOf = (page: Page) => page.getByRole('dialog', { name: 'Take this conversation over' });
    await dialogOf(of(anna)).getByRole('button', { name: 'Take over' }).click();
    await of(anna).getByText('You hold this conversation. The bot is silent.').waitFor();
    await of(bert).getByText('anna holds this conversation.').first().waitFor();
    await dialogOf(of(bert)).getByRole('button', { name: 'Take over' }).click();
    await dialogOf(of(bert))
      .getByText(/^anna has held this conversation since/)
      .waitFor();
    await dialogOf(of(bert)).getByRole('button', { name: 'Cancel' }).click();
    await of(bert).getByText('Take this conversation over to answer.').waitFor();
    expect(house.problems()).toEqual([]);
  });

  test('what the user writes waits for them, and their answer goes by the outbox, whatever becomes of the worker', async () => {
    await house.simulator.user('oTom').say('are you a person?');
    await of(anna).getByRole('article').getByText('are you a person?').waitFor();
    await worker.stop();
    const box = of(anna).getByLabel('Your answer');
    await box.fill('yes, I am Anna');
    await box.press('Enter');
    const thread = of(anna).getByRole('region', { name: 'Messages of this conversation' });
    await thread.getByText('yes, I am Anna').waitFor();
    await thread.getByText('waiting to be sent').first().waitFor();
    expect(tomReads()).toEqual(['I am a bot']);
    worker = await house.startWorker();
    await house.simulator.waitForDelivered('oTom', 2);
    expect(tomReads()).toEqual(['I am a bot', 'yes, I am Anna']);
    await thread.getByText('waiting to be sent').waitFor({ state: 'detached' });
    await of(bert).getByRole('article').getByText('yes, I am Anna').waitFor();
    await of(bert).getByText('Agent anna').first().waitFor();
    expect(house.problems()).toEqual([]);
  });

  test('a voice of the user is played', async () => {
    const bytes = voice(1);
    const mediaId = house.simulator.media.add({ type: 'voice', bytes, contentType: 'audio/amr' });
    await house.simulator.user('oTom').voice({ mediaId, format: 'amr' });
    const player = of(anna).getByLabel('Voice message');
    await player.evaluate((audio) => (audio as unknown as Player).play());
    await waitFor('the end', () => player.evaluate((audio) => (audio as unknown as Player).ended));
    expect(await player.evaluate((audio) => (audio as unknown as Player).duration)).toBe(1);
    expect(house.problems()).toEqual([]);
  });

  test('a picture of the browser and a saved answer', async () => {
    const page = of(anna);
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: png });
    await button(page, 'Send').click();
    await house.simulator.waitForDelivered('oTom', 3);
    await button(page, 'Saved answers').click();
    const dialog = page.getByRole('dialog', { name: 'Saved answers' });
    await dialog.getByRole('button', { name: 'New answer' }).click();
    await dialog.getByLabel('Title').fill('bye');
    await dialog.getByLabel('Text', { exact: true }).fill('Goodbye, and thank you');
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await dialog.getByText('Goodbye, and thank you').click();
    await expect.poll(() => page.getByLabel('Your answer').inputValue()).toBe('Goodbye, and thank you');
    await button(page, 'Send').click();
    await house.simulator.waitForDelivered('oTom', 4);
    expect(tomReads().slice(2)).toEqual(['image', 'Goodbye, and thank you']);
    expect(house.problems()).toEqual([]);
  });

  test('handed back, the bot answers again; a colleague may take it after being asked', async () => {
    await button(of(anna), 'Hand back to the bot').click();
    await of(anna).getByText('The bot answers here.').waitFor();
    await house.simulator.user('oTom').say('thanks');
    await house.simulator.waitForDelivered('oTom', 5);
    expect(tomReads().at(-1)).toBe('I am a bot');

    await button(of(anna), 'Take over').first().click();
    await of(anna).getByRole('dialog').getByRole('button', { name: 'Take over' }).click();
    await button(of(bert), 'Take from anna').click();
    await of(bert).getByRole('dialog').getByRole('button', { name: 'Take it from anna' }).click();
    await of(bert).getByText('You hold this conversation. The bot is silent.').waitFor();
    await of(anna).getByText('bert holds this conversation.').first().waitFor();
    expect(house.problems()).toEqual([]);
  });

  test('what was written while the session ended is in the box again after the sign-in', async () => {
    const page = of(bert);
    await page.getByText('You hold this conversation. The bot is silent.').waitFor();
    const ended = { status: 401, contentType: 'application/json', body: '{"error":"signed_out"}' };
    await page.route('**/send?*', (route) => route.fulfill(ended), { times: 1 });
    await page.getByLabel('Your answer').fill('one moment, please');
    await page.getByLabel('Your answer').press('Enter');
    // To the sign-in and back.
    await expect
      .poll(() => page.getByLabel('Your answer').inputValue(), { timeout: 10_000 })
      .toBe('one moment, please');
    // The browser itself says that an answer was 401.
    expect(house.problems().filter((problem) => !problem.includes('401'))).toEqual([]);
  });
});
