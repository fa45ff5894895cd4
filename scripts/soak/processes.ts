import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** One process of the service, which is started again whenever it is gone. */
export interface ServiceProcess {
  readonly name: string;
  /** Of its webhook; undefined while it does not listen. */
  readonly webhookPort: number | undefined;
  readonly pid: number | undefined;
  /** Peak resident memory of all its lives, in MB. */
  readonly peakMb: number;
  /** Ends that nobody asked for. */
  readonly unexpectedEnds: number;
  /** SIGKILL; it comes back after so long. */
  kill(comesBackAfterMs: number): void;
  /** Stands still for so long. */
  freeze(ms: number): void;
  /** SIGTERM, and no return. */
  stop(): Promise<void>;
}

export function startProcess(
  name: string,
  role: 'ingress' | 'worker',
  settings: Readonly<Record<string, string>>,
  logFile: string,
): ServiceProcess {
  const log = createWriteStream(logFile, { flags: 'a' });
  let child: ChildProcess | undefined;
  let webhookPort: number | undefined;
  let peakMb = 0;
  let unexpectedEnds = 0;
  let comesBackAfterMs: number | undefined;
  let stopping = false;
  let ended = Promise.resolve();

  function start(): void {
    const started = spawn(process.execPath, [main, 'start', '--role', role], {
      env: { PATH: process.env.PATH, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    createInterface({ input: started.stdout }).on('line', (line) => {
      log.write(`${line}\n`);
      if (!line.includes('"event":"started"')) return;
      webhookPort = (JSON.parse(line) as { webhook_port?: number }).webhook_port;
    });
    started.stderr.on('data', (text) => log.write(text));
    ended = new Promise((resolve) => {
      started.once('close', (code, signal) => {
        webhookPort = undefined;
        child = undefined;
        if (stopping) return resolve();
        if (comesBackAfterMs === undefined) {
          unexpectedEnds += 1;
          log.write(`--- ${name} ended by itself: ${code ?? signal}\n`);
        }
        setTimeout(() => {
          comesBackAfterMs = undefined;
          if (!stopping) start();
          resolve();
        }, comesBackAfterMs ?? 1_000);
      });
    });
  }

  const sampling = setInterval(() => {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readStatus(child?.pid))?.[1];
    if (peak) peakMb = Math.max(peakMb, Number(peak) / 1_024);
  }, 1_000);
  start();

  return {
    name,
    get webhookPort() {
      return webhookPort;
    },
    get pid() {
      return child?.pid;
    },
    get peakMb() {
      return peakMb;
    },
    get unexpectedEnds() {
      return unexpectedEnds;
    },
    kill(ms) {
      comesBackAfterMs = ms;
      child?.kill('SIGKILL');
    },
    freeze(ms) {
      const frozen = child;
      frozen?.kill('SIGSTOP');
      setTimeout(() => frozen?.kill('SIGCONT'), ms);
    },
    async stop() {
      stopping = true;
      clearInterval(sampling);
      child?.kill('SIGCONT');
      child?.kill('SIGTERM');
      const killing = setTimeout(() => child?.kill('SIGKILL'), 30_000);
      await ended;
      clearTimeout(killing);
      log.end();
    },
  };
}

function readStatus(pid: number | undefined): string {
  if (pid === undefined) return '';
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // Gone meanwhile, or a system without /proc: no figure then.
    return '';
  }
}
