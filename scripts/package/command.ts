import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Command {
  /** Where it runs, and with nothing but this around it. */
  at: string;
  environment: Record<string, string>;
  input?: string;
  timeoutMs: number;
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** It was not over in time. */
export class LateError extends Error {
  readonly code = 'LATE';
}

/**
 * Runs a command to its end, or ends it when its time is up: with all that it started, for npm and npx start others, which would
 * keep the output open, and whoever waits for its end would wait for ever.
 *
 * @throws LateError with the output where the time was too short
 */
export async function runToEnd(
  command: string,
  args: readonly string[],
  { at, environment, input = '', timeoutMs }: Command,
): Promise<Ended> {
  const child = spawn(command, args, { cwd: at, env: environment, detached: true });
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  let isLate = false;
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      ended[name] += chunk;
    });
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  // In a group of its own it does not hear of the end of this one.
  process.on('exit', kill);
  // Whether it reads its input is its own affair.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  try {
    [ended.code] = (await once(child, 'close')) as [number | null];
  } finally {
    clearTimeout(timer);
    process.off('exit', kill);
  }
  if (isLate)
    throw new LateError(
      `${[command, ...args].join(' ')} was not over after ${timeoutMs / 1_000} s:\n${ended.stdout}${ended.stderr}`,
    );
  return ended;
}
