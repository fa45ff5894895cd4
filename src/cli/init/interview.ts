import type { z } from 'zod';
import { type Form, forms } from '../../config/forms.js';
import type { Asker } from '../terminal/asker.js';
import { UsageError } from '../terminal/usage-error.js';
import type { Words } from '../words/index.js';

export interface Choice<T extends string> {
  value: T;
  label: string;
}

interface Asked {
  question: string;
  /** The flag, or the variable, that answers it where nobody is asked. */
  flag: string;
}

/** Gets answers: from flags, from a person, or by default. */
export interface Interview {
  choose<T extends string>(
    about: Asked & { choices: readonly Choice<T>[]; given: T | undefined; fallback: T },
  ): Promise<T>;
  /** @param about.fallback undefined: there must be an answer. An empty one is one for which `shape` is not asked */
  write(
    about: Asked & {
      shape: z.ZodType<string | undefined, string | undefined>;
      given: string | undefined;
      fallback: string | undefined;
      hidden?: boolean;
    },
  ): Promise<string>;
}

const isForm = (name: string): name is Form => Object.hasOwn(forms, name);

/** @param asker undefined: nobody is asked, and what has no default must be given */
export function createInterview(asker: Asker | undefined, words: Words): Interview {
  const { init: say } = words;
  /** What is wrong with it; undefined: nothing. */
  function problemOf(text: string, shape: z.ZodType<unknown, string | undefined>): string | undefined {
    const message = shape.safeParse(text).error?.issues[0]?.message;
    return message === undefined || !isForm(message) ? message : words.settings.forms[message];
  }

  /** Again and again while a person is there; what comes by a pipe is not asked for twice. */
  async function untilGood<T>(
    about: Asked & { hidden?: boolean },
    read: (line: string) => { value: T } | { problem: string },
  ): Promise<T> {
    if (!asker) throw new UsageError(say.needs(about.flag));
    for (;;) {
      const line = await asker.ask(about.question, { hidden: about.hidden ?? false });
      const result = read(line.trim());
      if ('value' in result) return result.value;
      if (!asker.isTerminal) throw new UsageError(say.wrongAnswer(about.question, result.problem));
      asker.tell(say.again(result.problem));
    }
  }

  return {
    async choose({ question, flag, choices, given, fallback }) {
      if (given !== undefined) return given;
      if (!asker) return fallback;
      const lines = choices.map(
        ({ value, label }, index) =>
          `  ${index + 1}  ${label}${value === fallback ? ` ${say.byDefault}` : ''}`,
      );
      return untilGood({ question: `${question}\n${lines.join('\n')}\n${say.number}`, flag }, (line) => {
        const chosen =
          line === ''
            ? fallback
            : (choices[Number(line) - 1]?.value ?? choices.find(({ value }) => value === line)?.value);
        return chosen === undefined ? { problem: say.oneOf(choices.length) } : { value: chosen };
      });
    },
    async write({ question, flag, shape, given, fallback, hidden = false }) {
      if (given !== undefined) {
        const problem = given === '' ? undefined : problemOf(given, shape);
        if (problem !== undefined) throw new UsageError(say.wrongAnswer(flag, problem));
        return given;
      }
      if (!asker && fallback !== undefined) return fallback;
      const shown = fallback && !hidden ? `${question} [${fallback}]` : question;
      return untilGood({ question: shown, flag, hidden }, (line) => {
        if (line === '' && fallback !== undefined) return { value: fallback };
        const problem = problemOf(line, shape);
        return problem === undefined ? { value: line } : { problem };
      });
    },
  };
}
