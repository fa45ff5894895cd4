import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export interface LoadOptions {
  port: number;
  /** As writePushes writes it. */
  pushesFile: string;
  connections: number;
  seconds: number;
  /** Of these the first are not counted: connections are opened in them. */
  skipSeconds?: number;
}

export interface LoadResult {
  answered: number;
  /** Other than 2xx, or none. From the first second on. */
  refused: number;
  seconds: number;
  /** From the first second on, whatever was not counted. */
  answeredInAll: number;
}

export type LoadTool = 'wrk' | 'own generator';

export async function findLoadTool(): Promise<LoadTool> {
  // wrk has no flag that prints its version and ends well.
  const { code } = await exec('wrk', ['-v']).then(
    () => ({ code: 0 }),
    (error: { code?: unknown }) => error,
  );
  return code === 'ENOENT' ? 'own generator' : 'wrk';
}

/** As many pushes as the server takes, from a process of its own. */
export async function load(tool: LoadTool, options: LoadOptions): Promise<LoadResult> {
  return tool === 'wrk' ? wrk(options) : generate(options);
}

async function wrk({
  port,
  pushesFile,
  connections,
  seconds,
  skipSeconds = 0,
}: LoadOptions): Promise<LoadResult> {
  const script = fileURLToPath(new URL('programs/wrk.lua', import.meta.url));
  const flags = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s', '-s', script];
  const { stdout } = await exec('wrk', [...flags, `http://127.0.0.1:${port}`], {
    env: { ...process.env, BENCH_PUSHES: pushesFile, BENCH_SKIP: String(skipSeconds) },
  });
  const figures = /BENCH (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(stdout);
  if (!figures) throw new Error(`wrk printed no figures:\n${stdout}`);
  const [answered = 0, refused = 0, microseconds = 0, sentBefore = 0, microsecondsBefore = 0] = figures
    .slice(1)
    .map(Number);
  const answeredInAll = answered - refused;
  return {
    // Each connection waited for an answer when counting began.
    answered: answeredInAll - Math.max(0, sentBefore - connections),
    refused,
    seconds: (microseconds - microsecondsBefore) / 1e6,
    answeredInAll,
  };
}

export interface GeneratedResult extends LoadResult {
  /** From when a push was due to its answer, in ms. */
  p50: number;
  p99: number;
}

/** @param ratePerSecond pushes are due at this rate, however slowly they are answered; without it, as wrk does it */
export async function generate(options: LoadOptions & { ratePerSecond?: number }): Promise<GeneratedResult> {
  const program = fileURLToPath(new URL('programs/generator.ts', import.meta.url));
  const { stdout } = await exec(process.execPath, [program, JSON.stringify(options)], {
    maxBuffer: 1e6,
  });
  return JSON.parse(stdout) as GeneratedResult;
}
