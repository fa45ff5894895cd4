import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { oneAccount } from '../../config/schema.js';
import { describeError } from '../../lib/describe-error.js';
import { doctor } from '../commands/doctor.js';
import { askPassword, readPassword } from '../terminal/ask-password.js';
import { type Asker, createAsker } from '../terminal/asker.js';
import type { CommandContext, Environment } from '../terminal/context.js';
import { print } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';
import { readVersion } from '../terminal/version.js';
import { type Answers, gatherAnswers, type InitFlags } from './answers.js';
import { addConsoleUser, checkConsolePassword, withPreparedDatabase } from './database.js';
import { filesFor, type InitFile } from './files.js';
import { createInterview } from './interview.js';

export interface InitOptions extends InitFlags {
  /** Asks nothing: what has no default must be given. */
  yes?: boolean;
  overwrite?: boolean;
  /** The password of the console's user, where nobody is asked. */
  passwordStdin?: boolean;
  /** False: only writes. */
  check: boolean;
}

/** `wechat-outbox init`: from answers to files that a deployment needs, and what the doctor says of them. */
export async function init(context: CommandContext, folder: string, options: InitOptions): Promise<void> {
  const { words } = context;
  const { init: say } = words;
  if (options.passwordStdin && !options.yes) throw new UsageError(say.stdinNeedsYes);
  const asker = options.yes ? undefined : await createAsker(context);
  try {
    if (asker) print(context, say.begin(path.resolve(folder)));
    const interview = createInterview(asker, words);
    const environment = context.environment();
    const answers = await gatherAnswers(interview, { flags: options, environment, words });
    const password = await passwordFor(context, answers, { asker, options });
    const files = filesFor(answers, { version: readVersion(), words });
    const kept = await filesToKeep(folder, files, { asker, overwrite: options.overwrite ?? false, say });
    await mkdir(folder, { recursive: true });
    for (const file of files) {
      if (!kept.has(file.name)) await write(folder, file);
      print(context, `${kept.has(file.name) ? say.kept : say.written} ${path.join(folder, file.name)}`);
    }
    asker?.close();
    const settings = settingsOf(folder, answers, { files, environment });
    if (options.check) await check({ ...context, environment: () => settings }, answers, password);
    print(context, say.console(answers));
    print(
      context,
      say.next({ answers, version: readVersion(), hasUser: options.check && password !== undefined }),
    );
  } finally {
    asker?.close();
  }
}

/** @returns undefined: nobody is to be made a user of the console now */
async function passwordFor(
  context: CommandContext,
  { consoleUser, database }: Answers,
  { asker, options }: { asker: Asker | undefined; options: InitOptions },
): Promise<string | undefined> {
  // Its database does not run yet: the last lines say how to do it later.
  if (consoleUser === '' || database === 'compose' || !options.check) return undefined;
  if (!asker && !options.passwordStdin) return undefined;
  const password = asker
    ? await askPassword(asker, context)
    : await readPassword(context, { fromStdin: true });
  checkConsolePassword(password, context.words);
  return password;
}

/** Nothing is written over that somebody does not want to lose, and where they cannot be asked, nothing is written at all. */
async function filesToKeep(
  folder: string,
  files: readonly InitFile[],
  {
    asker,
    overwrite,
    say,
  }: { asker: Asker | undefined; overwrite: boolean; say: CommandContext['words']['init'] },
): Promise<ReadonlySet<string>> {
  const there = files.map(({ name }) => name).filter((name) => existsSync(path.join(folder, name)));
  // What it leaves out is the user's affair.
  const kept = new Set<string>(there.filter((name) => name === '.gitignore'));
  const asked = there.filter((name) => !kept.has(name));
  if (overwrite || asked.length === 0) return kept;
  if (!asker) throw new UsageError(say.wouldOverwrite(asked));
  for (const name of asked) {
    const answer = await asker.ask(say.overwrite(name));
    if (!/^y(es)?$/i.test(answer.trim())) kept.add(name);
  }
  return kept;
}

async function write(folder: string, { name, text, isSecret }: InitFile): Promise<void> {
  const file = path.join(folder, name);
  await writeFile(file, text, isSecret ? { mode: 0o600 } : {});
  // The mode above is for a new file alone.
  if (isSecret) await chmod(file, 0o600);
}

/** As `start` will have them in that folder. */
function settingsOf(
  folder: string,
  { layout }: Answers,
  { files, environment }: { files: readonly InitFile[]; environment: Environment },
): Environment {
  const written = parseEnv(files.find(({ name }) => name === '.env')?.text ?? '');
  const ofOneAccount = layout === 'env' ? [] : [...Object.keys(oneAccount.shape), 'REPLIES', 'PUBLIC_URL'];
  const around = Object.entries(environment).filter(([name]) => !ofOneAccount.includes(name));
  const merged: Environment = { ...Object.fromEntries(around), ...withoutEmpty(written) };
  const { ACCOUNTS_FILE: accounts, DATA_DIR: dataDir = '.data' } = merged;
  return {
    ...merged,
    DATA_DIR: path.resolve(folder, dataDir),
    ...(accounts ? { ACCOUNTS_FILE: path.resolve(folder, accounts) } : {}),
  };
}

const withoutEmpty = (settings: Environment) =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== ''));

/** What is wrong is told, and ends nothing: the files are there, and can be mended. */
async function check(context: CommandContext, answers: Answers, password: string | undefined): Promise<void> {
  const { words } = context;
  print(context, `\n${words.init.checking}`);
  const look = (within: CommandContext) => doctor({ ...within, setExitCode: () => undefined }, {});
  if (answers.database === 'compose') return look(context);
  try {
    await withPreparedDatabase(context, async (within, pool) => {
      if (password !== undefined) await addConsoleUser(within, pool, { name: answers.consoleUser, password });
      await look(within);
    });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    print(context, words.init.notPrepared(describeError(error)));
    await look(context);
  }
}
