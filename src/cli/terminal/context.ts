import type { Words } from '../words/index.js';

export type Environment = Record<string, string | undefined>;

export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean };
export type OutputStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** Who started this process, where that is one that looks after its children: ours, or PM2. */
export interface ParentProcess {
  /** Whether this process is one of several that `start` runs. */
  readonly isOurs: boolean;
  /** Says that this process does its work. */
  tellStarted(): void;
  /** Resolves when the parent wants this process to stop; never where there is none. */
  untilToldToStop(): Promise<'parent'>;
}

/** The process that a command runs in, for those that live until they are told to stop. */
export interface HostProcess {
  /**
   * Resolves with the first SIGTERM or SIGINT.
   *
   * @param onSecond called when another follows
   */
  untilSignal(onSecond: () => void): Promise<NodeJS.Signals>;
  /** Ends it at once, whatever is still open. */
  exit(code: number): never;
  readonly parent: ParentProcess;
}

/** All that a command knows of the world: it touches nothing of the process itself, so tests run it in theirs. */
export interface CommandContext {
  /** Read when a command asks for it: what is wrong with a .env file does not keep --help from helping. */
  environment(): Environment;
  /** Opened when a command asks for it. */
  input(): InputStream;
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly host: HostProcess;
  /** What it says to people. */
  readonly words: Words;
  /** Default: 0. */
  setExitCode(code: number): void;
}
