import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { waitFor } from '../support/wait.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { button, type House, openHouse } from './support/house.js';

/** Thinks for ever where it is asked to, and else says two things. */
const replies = `export const replies = async ({ message }) => {
  if (message.content === 'think') await new Promise(() => {});
  return ['the bot, one', 'the bot, two'];
};`;
const settings = { RESCUE_AFTER: '2' };

describe.skipIf(!inject('chromium'))('an agent takes over while the worker is killed', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse({ role: 'ingress', settings });
    await house.addUser('anna', 'agent');
  });
  afterAll(() => house.close());

  const reads = (openid: string) => house.simulator.inboxOf(openid).map(({ text }) => text);

  async function takeOver(openid: string): Promise<Page> {
    const page = await house.as('anna', `conversations/${house.account.appId}/${openid}`);
    await button(page, 'Take over').first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take over' }).click();
    await page.getByText('You hold this conversation. The bot is silent.').waitFor();
    return page;
  }

  /** Busy as long as it is the dead worker's: then the page asks whether to try again, which sends it once. */
  async function answer(page: Page, openid: string, text: string): Promise<void> {
    const box = page.getByLabel('Your answer');
    await box.fill(text);
    await box.press('Enter');
    const worker = await startWorkerProcess(house, { settings, replies });
    onTestFinished(() => void worker.child.kill('SIGKILL'));
    await waitFor(
      'the answer at the user',
      async () => {
        const again = button(page, 'Try again');
        if (await again.isVisible()) await again.click();
        return reads(openid).includes(text);
      },
      40_000,
    );
  }

  test('in the middle of the reply logic: what it thought about is left to the agent', {
    timeout: 120_000,
  }, async () => {
    const worker = await startWorkerProcess(house, { settings, replies });
    await house.simulator.user('oTom').say('think');
    await waitFor('the logic to run', async () => {
      const [lane] = await house.database.rows<{ claimed: boolean }>(
        `select claim is not null as claimed from wechat.lane where openid = 'oTom'`,
      );
      return lane?.claimed;
    });
    const page = await takeOver('oTom');
    worker.child.kill('SIGKILL');
    await worker.exited;
    await answer(page, 'oTom', 'yes, I am Anna');
    await waitFor('the end', async () => {
      const rows = await house.database.rows<{ for_agent: boolean }>(
        `select for_agent from wechat.inbound_message where openid = 'oTom' and settled_at is not null`,
      );
      return rows.length === 1 && rows[0]?.for_agent;
    });
    expect(reads('oTom')).toEqual(['yes, I am Anna']);
    expect(house.problems()).toEqual([]);
  });

  test('in the middle of a send: nothing more of the bot leaves, and the agent’s answer does', {
    timeout: 120_000,
  }, async () => {
    const worker = await startWorkerProcess(house, { settings, replies });
    house.simulator.faults.add({ openid: 'oSue', fault: { hang: true } });
    await house.simulator.user('oSue').say('hello');
    await waitFor('the first to be on its way', async () => {
      const [delivery] = await house.database.rows<{ status: string }>(
        `select status from wechat.delivery where openid = 'oSue' order by id limit 1`,
      );
      return delivery?.status === 'sending';
    });
    const page = await takeOver('oSue');
    worker.child.kill('SIGKILL');
    await worker.exited;
    await answer(page, 'oSue', 'Anna here');
    const thread = page.getByRole('region', { name: 'Messages of this conversation' });
    await thread.getByText('cancelled').first().waitFor();
    await waitFor('the end', async () => {
      const rows = await house.database.rows(
        `select from wechat.delivery where openid = 'oSue' and status in ('pending', 'sending')`,
      );
      return rows.length === 0;
    });
    expect(reads('oSue')).toEqual(['Anna here']);
    const ended = await house.database.rows(
      `select origin, status from wechat.delivery where openid = 'oSue' order by position`,
    );
    expect(ended).toEqual([
      { origin: 'reply', status: expect.stringMatching(/^(cancelled|unknown)$/) },
      { origin: 'reply', status: 'cancelled' },
      { origin: 'agent', status: 'sent' },
    ]);
    expect(house.problems()).toEqual([]);
  });
});
