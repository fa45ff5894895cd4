import type { JsonValue } from '../router.js';

/**
 * What a model or a tool wrote, brought into a form that can be stored. A call that was made must get on record: were its result
 * refused, the call would be made again, and paid for again.
 */

/** A type, not an interface: it is stored as JSON. */
export type ToolCall = {
  id: string;
  name: string;
  input: JsonValue;
  /** What is wrong with it: no such tool, or arguments that are no JSON. */
  problem: string | null;
};

/** Characters of one answer: some thirty messages. With what is escaped in JSON below what `context.once` keeps. */
const maxTextLength = 20_000;
/** The same beside calls of tools, which stand in the same result. */
const maxTextLengthBesideTools = 2_000;
const maxToolCalls = 32;
/** Bytes of all arguments together, as JSON. */
const maxInputBytes = 40_000;
const maxNameLength = 100;

/** But for line breaks and tabs: NUL is refused by Postgres, and the others are six bytes each in JSON. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what it looks for are control characters
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

export function storableText(text: string, maxLength = maxTextLength): string {
  return text.replace(controls, '').slice(0, maxLength).toWellFormed();
}

export function storableAnswer(
  text: string,
  toolCalls: readonly ToolCall[],
): { text: string; toolCalls: readonly ToolCall[] } {
  if (toolCalls.length === 0) return { text: storableText(text), toolCalls };
  let left = maxInputBytes;
  return {
    text: storableText(text, maxTextLengthBesideTools),
    toolCalls: toolCalls.slice(0, maxToolCalls).map(({ id, name, input, problem }): ToolCall => {
      const named = { id: storableText(id, maxNameLength), name: storableText(name, maxNameLength) };
      const json = JSON.stringify(input, clean);
      left -= Buffer.byteLength(json);
      if (left < 0) return { ...named, input: {}, problem: 'its arguments are too long' };
      const said = problem === null ? null : storableText(problem, maxNameLength);
      return { ...named, input: JSON.parse(json) as JsonValue, problem: said };
    }),
  };
}

function clean(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [storableText(name), inner]));
}

/** What fits the column, or undefined for what is no number of tokens. */
export function storableTokens(count: number | undefined): number | undefined {
  return count !== undefined && Number.isInteger(count) && count >= 0 && count < 2 ** 31 ? count : undefined;
}
