import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { Pool } from '../../db/pool.js';
import type { CommandContext } from '../terminal/context.js';
import type { Words } from '../words/index.js';
import { callOff } from './abort.js';
import { MoveError } from './move-error.js';
import { checkVersions } from './prepare.js';
import { readRecord } from './record.js';
import { type MoveOptions, moveAccount } from './run.js';
import { type FreeSides, lockSides, type Sides } from './sides.js';
import { describeStatus, readStatus } from './status.js';

/** What `move-account` does, each alone with the account. */
export async function move(sides: FreeSides, options: MoveOptions): Promise<'moved' | 'waiting'> {
  await checkVersions(sides);
  const { release, alone } = await lockSides(sides);
  try {
    return await moveAccount({ ...sides, alone }, options);
  } finally {
    release();
  }
}

export async function abort(sides: FreeSides): Promise<void> {
  const { appId, source, target, words, say, names } = sides;
  await checkVersions(sides);
  const { release, alone } = await lockSides(sides);
  try {
    const [atSource, atTarget] = await Promise.all([readRecord(source, appId), readRecord(target, appId)]);
    await callOff({ ...sides, alone }, { atSource, atTarget });
    say(words.calledOffNow(appId, names.source));
  } finally {
    release();
  }
}

export async function tellStatus({
  appId,
  source,
  target,
  names,
  words,
  say,
}: {
  appId: string;
  source: Pool;
  target: Pool | undefined;
  names: Sides['names'];
  words: Words;
  say(line: string): void;
}): Promise<void> {
  say(describeStatus(await readStatus(names.source, source, appId), words));
  if (target) say(describeStatus(await readStatus(names.target, target, appId), words));
}

/** By the command that switches it, by a person's word, or by a later run. */
export async function untilSwitched(
  context: CommandContext,
  { switch: command, switched = false }: { switch?: string; switched?: boolean },
  words: Sides['words'],
): Promise<boolean> {
  if (switched) return true;
  if (command !== undefined) {
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'inherit', 'inherit'] });
    const [code, signal] = await once(child, 'close');
    if (code !== 0) throw new MoveError(words.switchFailed(code ?? signal));
    return true;
  }
  const input = context.input();
  if (!input.isTTY) return false;
  const terminal = createInterface({ input, output: context.err });
  try {
    await terminal.question(words.pressEnter);
    return true;
  } finally {
    terminal.close();
  }
}
