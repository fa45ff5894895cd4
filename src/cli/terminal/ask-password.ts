import { text } from 'node:stream/consumers';
import { type Asker, createAsker } from './asker.js';
import type { CommandContext } from './context.js';
import { UsageError } from './usage-error.js';

/**
 * A password that is not among the arguments, where other users of the machine could read it: from standard input, its first line,
 * or asked for twice on the terminal, unseen.
 *
 * @throws UsageError where there is no terminal, or the two differ
 */
export async function readPassword(
  context: CommandContext,
  { fromStdin }: { fromStdin: boolean },
): Promise<string> {
  const input = context.input();
  if (fromStdin) return (await text(input as NodeJS.ReadStream)).split(/\r?\n/)[0] ?? '';
  if (!input.isTTY) throw new UsageError(context.words.terminal.password.sayStdin);
  const asker = await createAsker({ ...context, input: () => input });
  try {
    return await askPassword(asker, context);
  } finally {
    asker.close();
  }
}

/** @throws UsageError where the two differ */
export async function askPassword(asker: Asker, { words }: Pick<CommandContext, 'words'>): Promise<string> {
  const { password: say } = words.terminal;
  const first = await asker.ask(say.ask, { hidden: true });
  if (first !== (await asker.ask(say.again, { hidden: true }))) throw new UsageError(say.differ);
  return first;
}
