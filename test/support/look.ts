import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** What axe finds of a page as it stands: rule, place and reason. In strings, for tests know nothing of a browser's own things. */
export async function findingsOf(page: Page): Promise<string[]> {
  await expect.poll(() => page.evaluate('document.getAnimations().length'), { timeout: 10_000 }).toBe(0);
  await page.evaluate(`if (!window.axe) { ${axe.source} }`);
  return page.evaluate<string[]>(`axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>
    id + ': ' + nodes.map(({ html, any }) => [html, ...any.map(({ message }) => message)].join(' ')).join(' | ')))`);
}

/** By how many pixels the page is wider than its window. */
export const tooWide = (page: Page) =>
  page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
