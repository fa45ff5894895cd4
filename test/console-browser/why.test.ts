import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Replies } from '../../src/index.js';
import type { TestService } from '../support/service.js';
import { waitFor } from '../support/wait.js';
import { button, field, type House, openHouse } from './support/house.js';

describe.skipIf(!inject('chromium'))('why is there no answer?', () => {
  let house: House;
  let worker: TestService;
  let page: Page;
  let openGate: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });

  const replies: Replies = async (context) => {
    const { message } = context;
    if (message.kind !== 'text') return null;
    if (message.content === 'bug') throw new Error('no such book');
    if (message.content === 'much') return Array.from({ length: 7 }, (_, n) => `part ${n}`);
    if (message.content === 'a person, please') context.handOver('wants a person');
    if (message.content === 'slow') await gate;
    return message.content === 'nothing' ? null : 'an answer';
  };

  beforeAll(async () => {
    house = await openHouse({ role: 'ingress', replies });
    worker = await house.startWorker();
    await house.addUser('olga', 'operator');
    page = await house.as('olga', 'why');
  });
  afterAll(async () => {
    openGate();
    await worker.stop();
    await house.close();
  });

  /** Asks again until it says so: what came in is worked on meanwhile. */
  async function says(openid: string, headline: string | RegExp): Promise<string> {
    await field(page, 'openid').fill(openid);
    await waitFor(`${openid}: ${headline}`, async () => {
      const answered = page.waitForResponse((response) => response.url().includes(`openid=${openid}`));
      await button(page, 'Ask').click();
      await answered;
      return page
        .locator('.finding')
        .first()
        .getByRole('heading', { name: headline })
        .waitFor({ timeout: 500 })
        .then(
          () => true,
          () => false,
        );
    });
    return (await page.locator('.why').textContent()) ?? '';
  }

  test('nothing came of this user, or what came was refused', async () => {
    await says('oNobody', 'WeChat never pushed a message of this user to us');
    const forged = `${house.service.webhookUrl}?signature=00&timestamp=1&nonce=2`;
    expect((await fetch(forged, { method: 'POST', body: '<xml/>' })).status).toBeGreaterThanOrEqual(400);
    expect(await says('oOther', 'Pushes for this account were refused')).toContain('WeChat never pushed');
  });

  test.each([
    ['hello', undefined, 'It was answered', 'WeChat accepted the answer.'],
    ['nothing', undefined, 'The reply logic had nothing to say', ''],
    ['bug', undefined, /^The reply logic failed/, 'no such book'],
    ['much', undefined, 'The answer was cut', 'It was answered'],
    ['hi', { errcode: 45002 }, /^WeChat refused the answer: ./, '45002'],
    ['hi', { errcode: 45015 }, 'The reply window was over before the answer could be sent', '45015'],
    ['hi', { errcode: -1 }, 'WeChat could not be reached, or asked to wait: it is tried again', '-1'],
  ] as const)('“%s”, and WeChat says %j: %s', async (content, fault, headline, more) => {
    const openid = `oUser${Math.random().toString(36).slice(2, 8)}`;
    if (fault) house.simulator.faults.add({ openid, times: Number.POSITIVE_INFINITY, fault });
    await house.simulator.user(openid).say(content);
    expect(await says(openid, headline)).toContain(more);
    house.simulator.faults.clear();
  });

  test('it waits its turn behind one that is being answered', async () => {
    await house.simulator.user('oSlow').say('slow');
    await says('oSlow', 'It is being answered right now');
    await house.simulator.user('oSlow').say('and then');
    const words = await says('oSlow', 'It is being answered right now');
    expect(words).toContain('It waits behind earlier messages of this user');
    openGate();
    await says('oSlow', 'It was answered');
  });

  test('a person is asked for, and one has it', async () => {
    const tom = house.simulator.user('oTom');
    await tom.say('a person, please');
    await says('oTom', 'It was answered');
    await tom.say('hello?');
    await says('oTom', 'The conversation waits for a person');
    await house.database.rows('select * from wechat.take_over($1, $2, $3)', [
      ...[house.account.appId, 'oTom', 'anna'],
    ]);
    await says('oTom', 'anna has the conversation');
  });

  test('the account rests by a button, and no more by another', async () => {
    const other = await house.as('olga', 'accounts');
    await button(other, 'Pause sending').click();
    await other.getByRole('dialog').getByRole('button', { name: 'Pause sending', exact: true }).click();
    await button(other, 'Resume sending').waitFor();
    await house.simulator.user('oRest').say('hi');
    await says('oRest', 'The account rests');
    await other.goto(`${house.url}/#/now`);
    await button(other, 'Resume').click();
    await other.getByRole('dialog').getByRole('button', { name: 'Resume', exact: true }).click();
    await says('oRest', 'It was answered');
  });

  test('no worker is alive, and Now says so until one is', async () => {
    await worker.stop();
    await house.simulator.user('oAlone').say('hi');
    await says('oAlone', 'No worker is alive');
    const now = await house.as('olga', 'now');
    await now.getByRole('alert').getByText('No worker is alive').waitFor();
    worker = await house.startWorker();
    await now.getByText('No worker is alive').waitFor({ state: 'detached' });
    await says('oAlone', 'It was answered');
    expect(house.problems()).toEqual([]);
  });
});
