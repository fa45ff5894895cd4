import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
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
  const { password: words } = context.words.terminal;
  const input = context.input();
  if (fromStdin) return (await text(input as NodeJS.ReadStream)).split(/\r?\n/)[0] ?? '';
  if (!input.isTTY) throw new UsageError(words.sayStdin);
  const first = await ask(context, words.ask);
  if (first !== (await ask(context, words.again))) throw new UsageError(words.differ);
  return first;
}

async function ask(context: CommandContext, question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  // What is typed would be written here.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  context.err.write(`${question} `);
  const terminal = createInterface({ input: context.input(), output: nowhere, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    context.err.write('\n');
  }
}
