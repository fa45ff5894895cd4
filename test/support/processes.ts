import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { waitFor } from './wait.js';

export const mainFile = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Command {
  readonly child: ChildProcess;
  /** Lines of standard output; the service's are JSON. */
  readonly lines: readonly string[];
  readonly errors: readonly string[];
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** The log lines of this event so far, once there are that many. */
  events<Line = Record<string, unknown>>(name: string, count: number): Promise<Line[]>;
  /** The first log line of this event. */
  event(name: string): Promise<Record<string, unknown>>;
}

/**
 * Runs the built command line as a process of its own, without settings from around the test.
 *
 * @param limits of the shell, for what happens when there is no more of something: `ulimit -f 100`
 */
export function runCommand(
  args: readonly string[],
  settings: Record<string, string> = {},
  cwd = '/',
  limits = 'true',
): Command {
  return watch([mainFile, ...args], settings, cwd, limits);
}

/** The same for another program than the command line. */
export function runProgram(file: string, settings: Record<string, string>): Command {
  return watch([file], settings, '/', 'true');
}

function watch(
  args: readonly string[],
  settings: Record<string, string>,
  cwd: string,
  limits: string,
): Command {
  const child = spawn('sh', ['-c', `${limits} && exec "$0" "$@"`, process.execPath, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  function events<Line>(name: string, count: number): Promise<Line[]> {
    return waitFor(`event ${name} of ${args.join(' ')}; errors: ${errors.join('\n')}`, () => {
      const found = lines.filter((line) => line.includes(`"event":"${name}"`));
      return found.length < count ? undefined : found.map((line) => JSON.parse(line) as Line);
    });
  }

  return {
    child,
    lines,
    errors,
    exited,
    events,
    async event(name) {
      const [first = {}] = await events<Record<string, unknown>>(name, 1);
      return first;
    },
  };
}
