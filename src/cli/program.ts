import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { describeError } from '../lib/describe-error.js';
import { addCancel } from './commands/cancel.js';
import { addConversation } from './commands/conversation.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addExport } from './commands/export.js';
import { addForget } from './commands/forget.js';
import { addList } from './commands/list.js';
import { addMigrate } from './commands/migrate.js';
import { addPause } from './commands/pause.js';
import { addRequeue } from './commands/requeue.js';
import { addResume } from './commands/resume.js';
import { addSend } from './commands/send.js';
import { addShow } from './commands/show.js';
import { addSimulate } from './commands/simulate.js';
import { addStart } from './commands/start.js';
import { addStatus } from './commands/status.js';
import { addToken } from './commands/token.js';
import type { CommandContext } from './terminal/context.js';

export interface CommandLine extends Omit<CommandContext, 'setExitCode'> {
  /** Without the program's own name. */
  readonly args: readonly string[];
}

/** The call or the settings are wrong. */
const usageError = 2;

/** @returns the exit code: 0 done, 1 it went wrong or was not done, 2 the call or the settings are wrong */
export async function runCommandLine({ args, ...around }: CommandLine): Promise<number> {
  let exitCode = 0;
  const setExitCode = (code: number) => {
    exitCode = code;
  };
  try {
    await createProgram({ ...around, setExitCode }).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
    around.err.write(`wechat-outbox: ${describeError(error)}\n`);
    return isUsageError(error) ? usageError : 1;
  }
}

function isUsageError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'CONFIG' || code === 'REPLIES' || code === 'USAGE';
}

/** In the order of --help. */
const commands: readonly ((program: Command, context: CommandContext) => void)[] = [
  addStart,
  addMigrate,
  addStatus,
  addList,
  addShow,
  addConversation,
  addExport,
  addRequeue,
  addCancel,
  addPause,
  addResume,
  addToken,
  addSend,
  addForget,
  addSimulate,
  addDoctor,
  addDemo,
];

/** Every command and its flags; nothing runs before it is parsed. */
export function createProgram(context: CommandContext): Command {
  const { out, err } = context;
  const program = new Command('wechat-outbox')
    .description(
      'Answers the users of a WeChat Official Account, durably: webhook in, Postgres between, customer-service messages out.',
    )
    .version(readVersion())
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      getOutHelpWidth: () => (out.isTTY && out.columns) || 80,
      getErrHelpWidth: () => (err.isTTY && err.columns) || 80,
    })
    .addHelpText('after', overview);
  for (const add of commands) add(program, context);
  return program;
}

function readVersion(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}

const overview = `
Settings come from the environment and from a file .env in the working directory; see .env.example.
Commands for operators need DATABASE_URL alone, but for token, simulate and doctor.
Exit codes: 0 done, 1 something went wrong or was not done, 2 the call or the settings are wrong.

Examples:
  wechat-outbox demo                  see it work, with a simulated WeChat and user
  wechat-outbox start                 webhook and worker in one process
  wechat-outbox start --role worker   only the worker; run as many as you like
  wechat-outbox migrate               bring the database up to date and end

  wechat-outbox status                how things stand
  wechat-outbox list                  what is not through, and why
  wechat-outbox show 4711             one message, with every attempt
  wechat-outbox requeue --state failed --code 45009 --since 2h
  wechat-outbox export --since 7d --format csv --output week.csv
  wechat-outbox doctor                what is in the way, and what to do about it`;
