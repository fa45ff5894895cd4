import { readFileSync } from 'node:fs';

/** The flags with which a shell or npx runs this command: those of its first line, behind `env -S node`. */
export function nodeFlagsOf(main: string): string[] {
  const [firstLine = ''] = readFileSync(main, 'utf8').split('\n', 1);
  return firstLine.split(/\s+/).filter((word) => word.startsWith('--'));
}
