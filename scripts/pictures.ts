/** `npm run docs:pictures`: the pictures in docs/pictures, in both languages, of what happens in the demo. Needs Debian's Chromium. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

type Language = 'en' | 'zh-CN';
type Places = Record<'phone' | 'link', string>;

const folder = path.resolve('docs/pictures');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
/** Wide enough for the page as it is on a desk, and narrow enough for a small file. */
const viewport = { width: 1_000, height: 660 };
/** Whoever reads the docs waits for them. */
const mostBytes = 120_000;

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true });
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
  try {
    await withDemo(async (places) => {
      const signedIn = await signIn(browser, places.link);
      for (const language of ['en', 'zh-CN'] as const) {
        const context = await browser.newContext({
          ...{ viewport, locale: language, reducedMotion: 'reduce' },
          storageState: await signedIn.storageState(),
        });
        context.setDefaultTimeout(90_000);
        // The page that signed in has kept its language.
        await context.addInitScript(`localStorage.setItem('console.language', '${language}')`);
        await takeConsole(context, places.link.slice(0, places.link.indexOf('/api/')), language);
        await takePhone(context, places.phone, language);
        await context.close();
      }
    });
  } finally {
    await browser.close();
  }
}

/** The demo as people start it, until its play has ended and it shows its links. */
async function withDemo(run: (places: Places) => Promise<void>): Promise<void> {
  // Under /var/tmp: as root, Postgres runs as another user, who must be able to reach it.
  const dataDir = await mkdtemp('/var/tmp/wechat-outbox-pictures-');
  await chmod(dataDir, 0o755);
  const demo = spawn(process.execPath, ['dist/cli/main.js', 'demo'], {
    env: { PATH: process.env.PATH, DATA_DIR: dataDir, NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(demo, 'exit');
  try {
    await run(await placesOf(demo.stdout));
  } finally {
    demo.kill('SIGINT');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function placesOf(stdout: NodeJS.ReadableStream): Promise<Places> {
  let text = '';
  return new Promise((resolve, reject) => {
    // It goes on being read: a demo that cannot write stands still.
    stdout.on('data', (part: Buffer) => {
      text += part.toString();
      // With what stands behind them: a part may end within one.
      const [, link] = /(http:\S+\/api\/link\?key=[\w-]+)\s/.exec(text) ?? [];
      const [, phone] = /(http:\S+\/phone\/)\s/.exec(text) ?? [];
      if (link && phone) resolve({ link, phone });
    });
    stdout.on('end', () => reject(new Error(`The demo ended without its links:\n${text}`)));
  });
}

async function signIn(browser: Browser, link: string): Promise<BrowserContext> {
  const context = await browser.newContext({ locale: 'en' });
  const page = await context.newPage();
  await page.goto(link);
  await page.getByRole('button').click();
  await page.locator('.figures-row').waitFor();
  return context;
}

async function takeConsole(context: BrowserContext, base: string, language: Language): Promise<void> {
  const page = await context.newPage();
  /** Loaded anew each time: the page before cannot show through. */
  const open = async (place: string, sign: string) => {
    await page.goto('about:blank');
    await page.goto(`${base}/#/${place}`);
    await page.locator(sign).first().waitFor();
  };
  const take = (name: string) => save(page, `console-${name}`, language);

  await open('now', '.figures-row');
  await take('now');
  await open('deliveries', 'tbody tr');
  await take('deliveries');
  // The last, whose answer took three attempts.
  await open('messages', 'tbody tr');
  await take('messages');
  // The link covers the row, and is covered by its cell for whoever points at its middle.
  await page.locator('tbody tr').first().getByRole('link').first().locator('time').click();
  await page.locator('.attempts').first().waitFor();
  await take('message');
  const openid = await page.locator('dd a.mono').first().textContent();
  await open(`why?openid=${openid}`, '.finding');
  await take('why');
  await open('conversations', '.item');
  await page
    .locator('.item', { hasText: openid ?? '' })
    .first()
    .click();
  await page.locator('.turn').first().waitFor();
  if (language === 'en') await takeOver(page);
  await take('chat');
  await open('analytics', '.chart canvas, .chart svg');
  await take('analytics');
  await open('actions', 'tbody tr');
  await take('actions');
  await open('accounts', '.account');
  await take('accounts');
  await open('users', 'main');
  await take('users');
  await page.close();
}

async function takeOver(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Take over' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take over' }).click();
  const box = page.getByLabel('Your answer');
  await box.fill('您好，我是客服小晨，请问有什么可以帮您？');
  await box.press('Enter');
  await page.locator('.turn').nth(2).waitFor();
}

async function takePhone(context: BrowserContext, phone: string, language: Language): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${phone}?lang=${language}`);
  // Of those who wrote in the play, the one with the most to see.
  await page.getByRole('combobox').filter({ hasText: '小明' }).selectOption({ label: '小明' });
  await save(page, 'phone', language);
  await page.close();
}

async function save(page: Page, name: string, language: Language): Promise<void> {
  // Charts draw themselves within a second.
  await page.waitForTimeout(1_500);
  const file = path.join(folder, `${name}.${language}.png`);
  await page.screenshot({ path: file, scale: 'css' });
  const { size } = await stat(file);
  console.log(`${path.relative('.', file)}  ${Math.round(size / 1_000)} kB`);
  if (size > mostBytes) throw new Error(`${file} has ${size} bytes: ${mostBytes} at most`);
}

await main();
