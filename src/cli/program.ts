import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { describeProblems } from '../config/problem.js';
import { describeError } from '../lib/describe-error.js';
import { ToldError } from '../lib/told-error.js';
import { addCancel } from './commands/cancel.js';
import { addConsole } from './commands/console.js';
import { addConversation } from './commands/conversation.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addExport } from './commands/export.js';
import { addForget } from './commands/forget.js';
import { addHold } from './commands/hold.js';
import { addInit } from './commands/init.js';
import { addList } from './commands/list.js';
import { addMenu } from './commands/menu.js';
import { addMigrate } from './commands/migrate.js';
import { addMoveAccount } from './commands/move-account.js';
import { addPause } from './commands/pause.js';
import { addRequeue } from './commands/requeue.js';
import { addResume } from './commands/resume.js';
import { addRules } from './commands/rules.js';
import { addSend } from './commands/send.js';
import { addShow } from './commands/show.js';
import { addSimulate } from './commands/simulate.js';
import { addStart } from './commands/start.js';
import { addStatus } from './commands/status.js';
import { addToken } from './commands/token.js';
import { addUser } from './commands/user.js';
import type { CommandContext } from './terminal/context.js';
import { createHelpStyle } from './terminal/help-style.js';
import { readVersion } from './terminal/version.js';
import { type Words, wordsFor } from './words/index.js';

export interface CommandLine extends Omit<CommandContext, 'setExitCode' | 'words'> {
  /** Without the program's own name. */
  readonly args: readonly string[];
}

/** The call or the settings are wrong. */
const usageError = 2;

/** @returns the exit code: 0 done, 1 it went wrong or was not done, 2 the call or the settings are wrong */
export async function runCommandLine({ args, ...around }: CommandLine): Promise<number> {
  const words = wordsFor(around.environment);
  let exitCode = 0;
  const setExitCode = (code: number) => {
    exitCode = code;
  };
  try {
    await createProgram({ ...around, words, setExitCode }).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
    around.err.write(`wechat-outbox: ${describeFailure(error, words)}\n`);
    return isUsageError(error) ? usageError : 1;
  }
}

/** Settings and files are put right by people: they are told in their language. */
function describeFailure(error: unknown, { settings, language }: Words): string {
  if (error instanceof ToldError) return error.told[language];
  return error instanceof ConfigError ? describeProblems(error.problems, settings) : describeError(error);
}

function isUsageError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'CONFIG' || code === 'REPLIES' || code === 'WORDS' || code === 'USAGE';
}

/** In the order of --help. */
const commands: readonly ((program: Command, context: CommandContext) => void)[] = [
  addInit,
  addStart,
  addMigrate,
  addStatus,
  addList,
  addShow,
  addConversation,
  addExport,
  addRequeue,
  addCancel,
  addHold,
  addPause,
  addResume,
  addMoveAccount,
  addToken,
  addMenu,
  addSend,
  addForget,
  addRules,
  addUser,
  addConsole,
  addSimulate,
  addDoctor,
  addDemo,
];

/** Every command and its flags; nothing runs before it is parsed. */
export function createProgram(context: CommandContext): Command {
  const { out, err, words } = context;
  const { help, terminal } = words;
  const program = new Command('wechat-outbox')
    .description(help.about)
    .version(readVersion(), '-V, --version', help.version)
    .helpOption('-h, --help', help.help)
    .helpCommand('help [command]', help.help)
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      getOutHelpWidth: () => (out.isTTY && out.columns) || 80,
      getErrHelpWidth: () => (err.isTTY && err.columns) || 80,
      outputError: (text, write) => write(terminal.ofCommander(text)),
    })
    .configureHelp(createHelpStyle(words))
    .addHelpText('after', help.overview);
  for (const add of commands) add(program, context);
  return program;
}
