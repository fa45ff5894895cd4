import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { waitFor } from './wait.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Command {
  readonly child: ChildProcess;
  /** Lines of standard output; the service's are JSON. */
  readonly lines: readonly string[];
  readonly errors: readonly string[];
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
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
  const child = spawn('sh', ['-c', `${limits} && exec "$0" "$@"`, process.execPath, main, ...args], {
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
  return {
    child,
    lines,
    errors,
    exited,
    event: (name) =>
      waitFor(`event ${name} of ${args.join(' ')}; errors: ${errors.join('\n')}`, () => {
        const line = lines.find((candidate) => candidate.includes(`"event":"${name}"`));
        return line === undefined ? undefined : (JSON.parse(line) as Record<string, unknown>);
      }),
  };
}
