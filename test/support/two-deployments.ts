import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { type Router, startRouter } from './router.js';
import { startService, type TestService } from './service.js';
import { type Stage, setStage } from './stage.js';
import { scratchDirectory } from './temporary-directory.js';
import { waitFor } from './wait.js';

/** One account, and two deployments that both know it, each with a database of its own. */
export interface TwoDeployments extends Pick<Stage, 'account' | 'simulator'> {
  source: TestDatabase;
  target: TestDatabase;
  atSource: TestService;
  atTarget: TestService;
  router: Router;
  /** A shell command that has the router send pushes to the target. */
  switchCommand: string;
  /** The command line that moves the account, without the program's name. */
  args(...more: string[]): string[];
  /** Its settings. */
  settings: Record<string, string>;
}

export const echo: Replies = ({ message }) => (message.kind === 'text' ? message.content : undefined);

export async function setTwoDeployments(replies: Replies = echo): Promise<TwoDeployments> {
  const { account, simulator, database: source, start } = await setStage({ retryDelayMs: 100 });
  const target = await createTestDatabase();
  onTestFinished(() => target.drop());
  const atSource = await start({ replies });
  const atTarget = await startService({ account, simulator, databaseUrl: target.url, replies });
  onTestFinished(() => atTarget.stop());
  const switched = path.join(scratchDirectory(), 'switched');
  const router = await startRouter(() => (existsSync(switched) ? atTarget.webhookUrl : atSource.webhookUrl));
  simulator.setWebhookUrl(router.url);
  return {
    ...{ account, simulator, source, target, atSource, atTarget, router },
    switchCommand: `touch ${switched}`,
    args: (...more) => ['move-account', account.appId, '--to', target.url, ...more],
    settings: { DATABASE_URL: source.url },
  };
}

/** Users who write all the time, each one message after the other. */
export interface Load {
  /** Ends it, and resolves with what each of them wrote, once WeChat had its response. */
  stop(): Promise<ReadonlyMap<string, string[]>>;
}

export function startLoad({ simulator }: TwoDeployments, users: number, pauseMs = 30): Load {
  let isOver = false;
  const written = new Map<string, string[]>();
  const refused: string[] = [];
  async function write(openid: string): Promise<void> {
    const texts: string[] = [];
    written.set(openid, texts);
    for (let n = 1; !isOver; n += 1) {
      const text = `${openid} ${n}`;
      texts.push(text);
      const { outcome } = await simulator.user(openid).say(text);
      if (outcome !== 'acknowledged') refused.push(text);
      await sleep(Math.random() * 2 * pauseMs);
    }
  }
  const all = Promise.all(Array.from({ length: users }, (_, n) => write(`oLoad${n}`)));
  return {
    async stop() {
      isOver = true;
      await all;
      expect(refused).toEqual([]);
      return written;
    },
  };
}

/** Nothing lost, nothing repeated, nothing out of order: each user has had each text back, once, as they wrote. */
export async function expectEchoes(
  { simulator }: Pick<TwoDeployments, 'simulator'>,
  written: ReadonlyMap<string, string[]>,
): Promise<void> {
  const total = [...written.values()].flat().length;
  const received = () =>
    [...written.keys()].reduce((sum, openid) => sum + simulator.inboxOf(openid).length, 0);
  await waitFor(`${total} answers`, () => received() >= total, 60_000);
  for (const [openid, texts] of written)
    expect(simulator.inboxOf(openid).map(({ text }) => text)).toEqual(texts);
}
