import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, runCommand } from './processes.js';
import { testSettings } from './service.js';
import type { Stage } from './stage.js';
import { scratchDirectory } from './temporary-directory.js';

export interface WorkerProcessOptions {
  settings?: Record<string, string>;
  /** Source of a module that exports `replies`; default: the default replies. */
  replies?: string;
  /** Default: that of the stage. */
  databaseUrl?: string;
}

/** A worker as a process of its own, to be ended by signals. Resolves once it works. */
export async function startWorkerProcess(
  stage: Pick<Stage, 'account' | 'simulator' | 'database'>,
  options: WorkerProcessOptions = {},
): Promise<Command> {
  const { account, simulator, database } = stage;
  const { settings = {}, replies, databaseUrl = database.url } = options;
  const module = replies === undefined ? {} : { REPLIES: writeModule(replies) };
  const worker = runCommand(
    ['start', '--role', 'worker'],
    testSettings({ account, simulator, databaseUrl, settings: { ...settings, ...module } }),
  );
  await worker.event('started');
  return worker;
}

/** @returns the path of a module of reply logic */
export function writeModule(source: string): string {
  const file = path.join(scratchDirectory(), 'replies.mjs');
  writeFileSync(file, source);
  return file;
}

/** Calls for this user, or for all, that the API got so far. */
export function sends({ simulator }: Stage, openid?: string) {
  return simulator.calls.filter(
    (call) => call.path.endsWith('/custom/send') && (openid === undefined || call.openid === openid),
  );
}
