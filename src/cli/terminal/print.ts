import type { CommandContext } from './context.js';
import type { Column } from './table.js';

type Out = Pick<CommandContext, 'out'>;

export function print({ out }: Out, text: string): void {
  out.write(`${text}\n`);
}

export function printJson(context: Out, value: unknown): void {
  print(context, JSON.stringify(value, null, 2));
}

export async function printTable(
  context: Out,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  // Loaded here: what knows how wide characters are takes as long to load as all the rest of a light command.
  const { toTable } = await import('./table.js');
  print(context, toTable(columns, rows, context.out));
}
