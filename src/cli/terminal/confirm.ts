import type { CommandContext } from './context.js';
import { UsageError } from './usage-error.js';

/**
 * Asks on the terminal, where there is one.
 *
 * @throws UsageError where there is none: a script must say --yes
 */
export async function confirm(
  context: CommandContext,
  question: string,
  { yes }: { yes: boolean },
): Promise<boolean> {
  if (yes) return true;
  const input = context.input();
  if (!input.isTTY) throw new UsageError(`${question} Nothing was changed: say --yes to go ahead.`);
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input, output: context.err });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
