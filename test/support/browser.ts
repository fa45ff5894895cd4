import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface PageOptions {
  width?: number;
  height?: number;
  colours?: 'light' | 'dark';
  language?: 'zh-CN' | 'en';
  /** Before the first page: cookies, and what watches it. */
  prepare?: (context: BrowserContext) => Promise<void>;
}

export interface Browser {
  open(url: string, options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

/** Debian's Chromium, with an empty profile for each page. Nothing moves by itself, so a page that is there stands still. */
export async function startBrowser(executablePath: string): Promise<Browser> {
  const opened: { context: BrowserContext; profile: string }[] = [];
  return {
    async open(
      url,
      { width = 1280, height = 900, colours = 'light', language = 'zh-CN', prepare = async () => {} } = {},
    ) {
      const profile = await mkdtemp(path.join(tmpdir(), 'browser-'));
      const context = await chromium.launchPersistentContext(profile, {
        executablePath,
        headless: true,
        args: flags,
        viewport: { width, height },
        colorScheme: colours,
        reducedMotion: 'reduce',
        locale: language,
      });
      opened.push({ context, profile });
      await prepare(context);
      const page = context.pages()[0] ?? (await context.newPage());
      await page.goto(url);
      return page;
    },
    async close() {
      for (const { context, profile } of opened) {
        await context.close();
        await rm(profile, { recursive: true, force: true });
      }
    },
  };
}
