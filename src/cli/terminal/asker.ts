import { Writable } from 'node:stream';
import type { CommandContext } from './context.js';
import { UsageError } from './usage-error.js';

/** Asks one question after another: on a terminal, or of lines that come in by a pipe. Close it, or the process stays. */
export interface Asker {
  /** Whether a person sits there, who can be asked again. */
  readonly isTerminal: boolean;
  /**
   * @param options.hidden what is typed is not shown
   * @throws UsageError where the input has ended
   */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
  tell(text: string): void;
  close(): void;
}

interface Waiting {
  resolve(line: string): void;
  reject(error: Error): void;
}

export async function createAsker({
  input: open,
  err,
  words,
}: Pick<CommandContext, 'input' | 'err' | 'words'>): Promise<Asker> {
  const { createInterface } = await import('node:readline');
  const input = open();
  const isTerminal = Boolean(input.isTTY);
  let hides = false;
  const echo = new Writable({
    write(chunk, _encoding, done) {
      if (!hides) err.write(chunk);
      done();
    },
  });
  const reader = createInterface({ input, terminal: isTerminal, ...(isTerminal ? { output: echo } : {}) });
  // By a pipe many lines come at once.
  const lines: string[] = [];
  let waiting: Waiting | undefined;
  let hasEnded = false;
  reader.on('line', (line) => {
    if (waiting) waiting.resolve(line);
    else lines.push(line);
    waiting = undefined;
  });
  reader.on('close', () => {
    hasEnded = true;
    waiting?.reject(new UsageError(words.terminal.inputEnded));
  });

  return {
    isTerminal,
    async ask(question, { hidden = false } = {}) {
      hides = hidden && isTerminal;
      reader.setPrompt(hides || !isTerminal ? '' : `${question} `);
      if (hides || !isTerminal) err.write(isTerminal ? `${question} ` : `${question}\n`);
      else reader.prompt();
      try {
        const known = lines.shift();
        if (known !== undefined) return known;
        if (hasEnded) throw new UsageError(words.terminal.inputEnded);
        return await new Promise<string>((resolve, reject) => {
          waiting = { resolve, reject };
        });
      } finally {
        if (hides) err.write('\n');
        hides = false;
      }
    },
    tell: (text) => void err.write(`${text}\n`),
    close: () => reader.close(),
  };
}
