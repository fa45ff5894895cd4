import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

const exec = promisify(execFile);
const chromium = '/usr/bin/chromium';
const font = '/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc';

declare module 'vitest' {
  interface ProvidedContext {
    /** Debian's Chromium; empty when it is not there. */
    chromium: string;
  }
}

/** A browser and Chinese letters, installed where apt is there and they are not; what is left out is said. */
export async function setup(project: TestProject): Promise<void> {
  const missing = [
    ...(existsSync(chromium) ? [] : ['chromium']),
    ...(existsSync(font) ? [] : ['fonts-wqy-zenhei']),
  ];
  if (missing.length > 0) await install(missing);
  const isThere = existsSync(chromium);
  project.provide('chromium', isThere ? chromium : '');
  say(isThere ? `browser: ${chromium}` : `left out: all tests in a browser, for there is no ${chromium}`);
}

async function install(packages: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await exec('apt-get', ['update'], { env });
    await exec('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
  } catch (error) {
    say(`apt-get: ${error instanceof Error ? error.message : error}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
