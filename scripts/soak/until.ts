import { setTimeout as sleep } from 'node:timers/promises';

/** @throws Error when it does not come true in time */
export async function until(
  what: string,
  timeoutMs: number,
  isSo: () => boolean | Promise<boolean>,
  everyMs = 100,
): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await isSo()); await sleep(everyMs)) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
  }
}
