import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { findingsOf, tooWide } from '../support/look.js';
import { button, type House, openHouse, password } from './support/house.js';
import { markup } from './support/lively.js';

const rules = (answer: string) => `rules:
  - name: greeting
    when: { keyword: { contains: hello } }
    answer: ${answer}
  - name: hours
    when: { keyword: { contains: open }, weekdays: sun }
    answer: closed
default: please wait
`;

describe.skipIf(!inject('chromium'))('rules in the browser', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse({ settings: { REPLIES: '/nowhere/rules.yaml' } });
    await house.addUser('mei', 'operator');
    await house.addUser('han', 'admin');
    await house.addUser('vera', 'viewer');
    await house.database.rows('select wechat.change_rules($1, $2, null, $3, $4)', [
      ...['rules.yaml', rules('welcome'), `begun ${markup}`, 'cli'],
    ]);
  });
  afterAll(() => house.close());

  const editor = (page: Page) => page.getByLabel('Rules: rules.yaml', { exact: true });
  /** And what is looked at then does not change meanwhile: Save waits for the check of each text. */
  const change = async (page: Page, text: string) => {
    const checked = page.waitForResponse((response) => response.url().includes('/rules/check'));
    await editor(page).fill(text);
    await checked;
  };
  const trial = (page: Page) => page.getByRole('region', { name: 'Try a message' });

  test('a problem is shown with its place, and what has one is not saved', async () => {
    const page = await house.as('mei', 'rules');
    await page.getByText('No problems. 2 rules.').waitFor();
    await editor(page).fill(rules('welcome').replace('weekdays: sun', 'weekdays: someday'));
    const problem = page.getByRole('status').getByRole('listitem');
    await problem.getByText('rules[1].when.weekdays').waitFor();
    expect(await button(page, 'Save').isDisabled()).toBe(true);
    await problem.getByRole('button', { name: /^Line 6, column/ }).click();
    const line =
      'document.activeElement.value.slice(0, document.activeElement.selectionStart).split("\\n").length';
    expect(await page.evaluate(line)).toBe(6);
    expect(await findingsOf(page)).toEqual([]);
    expect(house.problems()).toEqual([]);
  });

  test('a text is tried before it is saved: which rule answers, and why the others do not', async () => {
    const page = await house.as('mei', 'rules');
    await page.getByText('No problems. 2 rules.').waitFor();
    await change(page, rules('hi there'));
    await trial(page).getByLabel('What the user says').fill('are you open? hello');
    await page.keyboard.press('Enter');
    await trial(page).getByText('hi there').waitFor();
    await trial(page).getByText('greeting').first().waitFor();
    await trial(page).getByLabel('What comes').selectOption('click');
    await trial(page).getByLabel('Key of the menu').fill('ABOUT');
    await button(page, 'Try').click();
    await trial(page).getByText('No rule answers.').waitFor();
    expect(await trial(page).getByRole('listitem').count()).toBe(2);
    expect(await findingsOf(page)).toEqual([]);
    expect(house.problems()).toEqual([]);
  });

  test('it is saved, by the keyboard too, and compared; who leaves with a change is asked', async () => {
    const page = await house.as('mei', 'rules');
    await page.getByText('No problems. 2 rules.').waitFor();
    await change(page, rules('second'));
    await page.getByRole('button', { name: 'Save', disabled: false }).waitFor();
    await page.getByLabel('What for').fill('a second one');
    await button(page, 'Show changes').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Lines: 1 more, 1 fewer.').waitFor();
    await dialog.getByText('answer: second').waitFor();
    expect(await findingsOf(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await page.goto(`${house.url}/#/now`);
    await page.getByRole('dialog').getByText('Leave without saving?').waitFor();
    await button(page, 'Cancel').click();
    await editor(page).press('Control+s');
    await page.getByText(/^Version \d+ is in force\.$/).waitFor();
    await page.getByRole('row').filter({ hasText: 'a second one' }).getByText('in force').waitFor();
    await page.getByText(`begun ${markup}`, { exact: true }).waitFor();
    expect(house.problems()).toEqual([]);
  });

  test('of two who change the same version the second is told, and loses nothing', async () => {
    const [mei, han] = [await house.as('mei', 'rules'), await house.as('han', 'rules')];
    for (const page of [mei, han]) await page.getByText('No problems. 2 rules.').waitFor();
    await editor(han).fill(rules('by han'));
    await han.getByText('No problems. 2 rules.').waitFor();
    await button(han, 'Save').click();
    await han.getByText(/^Version \d+ is in force\.$/).waitFor();
    await editor(mei).fill(rules('by mei'));
    await mei.getByText('No problems. 2 rules.').waitFor();
    await button(mei, 'Save').click();
    await mei.getByText(/^Meanwhile han saved version \d+\./).waitFor();
    expect(await editor(mei).inputValue()).toBe(rules('by mei'));
    await button(mei, 'Compare with mine').click();
    await mei.getByRole('dialog').getByText('answer: by han').waitFor();
    await mei.keyboard.press('Escape');
    await mei.getByRole('dialog').waitFor({ state: 'hidden' });
    await button(mei, 'Save mine after it').click();
    await mei.getByText(/^Version \d+ is in force\.$/).waitFor();
    // The browser itself says that an answer was 409.
    expect(house.problems()).toEqual([expect.stringContaining('409')]);
    const rows = await house.database.rows<{ actor: string }>(
      `select operator as actor from wechat.rules_version where name = 'rules.yaml' order by id desc limit 2`,
    );
    expect(rows).toEqual([{ actor: 'mei' }, { actor: 'han' }]);
  });

  test('an earlier version comes back as a new one', async () => {
    const page = await house.as('han', 'rules');
    await page.getByText('No problems. 2 rules.').waitFor();
    const first = page.getByRole('row').filter({ hasText: 'begun' });
    await first.getByRole('button', { name: /^Go back to version/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Go back' }).click();
    await page.getByRole('row').filter({ hasText: 'back to version' }).getByText('in force').waitFor();
    expect(await editor(page).inputValue()).toBe(rules('welcome'));
    expect(house.problems()).toEqual([]);
  });

  test('a viewer reads and tries, and has nothing to change it with', async () => {
    const page = await house.as('vera', 'rules');
    await page.getByText('Your role reads rules and tries them').waitFor();
    expect(await editor(page).isEditable()).toBe(false);
    expect(await button(page, 'Save').count()).toBe(0);
    expect(await page.getByRole('button', { name: /^Go back/ }).count()).toBe(0);
    await trial(page).getByLabel('What the user says').fill('hello');
    await page.keyboard.press('Enter');
    await trial(page).getByText('welcome').waitFor();
    expect(house.problems()).toEqual([]);
  });

  test.each([
    { width: 1280, colours: 'dark', language: 'zh-CN' },
    { width: 360, colours: 'light', language: 'zh-CN' },
    { width: 360, colours: 'dark', language: 'en' },
  ] as const)('is for all people, and fits: %j', async (options) => {
    const page = await house.as('mei', 'rules', options);
    const isEnglish = options.language === 'en';
    await page.getByText(isEnglish ? 'No problems. 2 rules.' : '没有问题，共 2 条规则。').waitFor();
    await page.getByLabel(isEnglish ? 'What the user says' : '用户说的内容').fill('are you open?');
    await button(page, isEnglish ? 'Try' : '试用').click();
    await page.getByText('please wait').last().waitFor();
    expect(await findingsOf(page)).toEqual([]);
    expect(await tooWide(page)).toBeLessThanOrEqual(0);
    expect(house.problems()).toEqual([]);
  });

  test('one changes one’s own password, and goes on', async () => {
    const page = await house.visitor('#/rules');
    await page.getByLabel('Name').fill('vera');
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await button(page, 'Change password').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Old password').fill('no idea at all');
    await dialog.getByLabel('New password').fill('another horse entirely');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The old password is wrong').waitFor();
    expect(house.problems()).toEqual([expect.stringContaining('403')]);
    expect(await findingsOf(page)).toEqual([]);
    await dialog.getByLabel('Old password').fill(password);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The password is changed.').waitFor();
    await page.reload();
    await page.getByText('Your role reads rules and tries them').waitFor();
    expect(house.problems()).toEqual([]);
  });
});
