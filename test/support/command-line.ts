import { Readable, Writable } from 'node:stream';
import { runCommandLine } from '../../src/cli/program.js';
import type { Environment, ParentProcess } from '../../src/cli/terminal/context.js';

/** A process that nobody looks after. */
export const noParent: ParentProcess = {
  isOurs: false,
  tellStarted: () => undefined,
  untilToldToStop: () => new Promise<never>(() => undefined),
};

export interface Outcome {
  /** The exit code. */
  code: number;
  /** All of standard output, to the byte. */
  written: string;
  /** Its lines, without the last line feed. */
  out: string;
  err: string;
}

/**
 * Runs the command line in this process, without settings from around the test: what a command says and does, at a tenth of
 * what a process costs. For what the process itself has to do with (signals, .env, pipes), see `runCommand`.
 *
 * @param interrupted resolves when Ctrl-C is pressed; default: never
 */
export async function runInProcess(
  args: readonly string[],
  settings: Record<string, string> = {},
  {
    interrupted = new Promise<never>(() => undefined),
    environment = () => settings,
    input = '',
  }: {
    interrupted?: Promise<unknown>;
    environment?: () => Environment;
    /** What comes in by standard input. */
    input?: string;
  } = {},
): Promise<Outcome> {
  const out = collect();
  const err = collect();
  const code = await runCommandLine({
    args,
    environment,
    input: () => Readable.from(input === '' ? [] : [input]),
    out: out.stream,
    err: err.stream,
    host: {
      untilSignal: () => interrupted.then(() => 'SIGINT'),
      exit: (code) => {
        throw new Error(`The command ended the process with ${code}`);
      },
      parent: noParent,
    },
  });
  const written = out.text();
  return { code, written, out: written.replace(/\n$/, ''), err: err.text().replace(/\n$/, '') };
}

function collect() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
