import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Build } from './builds.ts';

/** A line of the service's log. */
export interface Line {
  event?: string;
  level?: string;
  webhook_port?: number;
  admin_port?: number;
  applied?: string[];
  migrations?: string[];
  msg?: string;
}

/** One process of one version. */
export interface Running {
  readonly name: string;
  readonly build: Build;
  readonly pid: number | undefined;
  readonly lines: readonly Line[];
  /** What is no log line: the refusal to start. */
  readonly words: readonly string[];
  /** Undefined before it listens, and from the moment that it is asked to stop. */
  readonly webhookPort: number | undefined;
  readonly adminPort: number | undefined;
  /** Resolves when it is started. @throws if it ends before */
  readonly started: Promise<void>;
  readonly ended: Promise<number | string>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | string>;
}

export function run(
  build: Build,
  {
    name,
    role,
    settings,
    logFile,
  }: { name: string; role: string; settings: Record<string, string>; logFile: string },
): Running {
  const log = createWriteStream(logFile, { flags: 'a' });
  const child: ChildProcess = spawn(process.execPath, [build.main, 'start', '--role', role], {
    cwd: build.directory,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  const words: string[] = [];
  let start: Line | undefined;
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      log.end();
      resolve(code ?? signal ?? 'unknown');
    });
  });
  const started = new Promise<void>((resolve, reject) => {
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (text) => {
        log.write(`${text}\n`);
        const line = parseLine(text);
        // Of each push and attempt there is one: they are in the file.
        if (line && line.event !== 'push' && line.event !== 'attempt') lines.push(line);
        if (line?.event !== 'started') return;
        start = line;
        resolve();
      });
    child.stderr?.on('data', (text: Buffer) => {
      log.write(text);
      words.push(text.toString());
    });
    void ended.then((code) =>
      reject(new Error(`${name} (${build.name}) ended with ${code}: ${words.join('')}`)),
    );
  });
  started.catch(() => undefined);
  return {
    ...{ name, build, lines, words, started, ended },
    pid: child.pid,
    get webhookPort() {
      return start?.webhook_port;
    },
    get adminPort() {
      return start?.admin_port;
    },
    async stop() {
      child.kill('SIGTERM');
      const killing = setTimeout(() => child.kill('SIGKILL'), 60_000);
      const code = await ended;
      start = undefined;
      clearTimeout(killing);
      return code;
    },
  };
}

function parseLine(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
