import { type ParsedRules, parseRules } from '../../../replies/rules/parse.js';

export type Parse = (text: string) => ParsedRules;

/**
 * The last text is not read again: a text is checked, then tried, then saved, and thousands of rules take half a second of a process that
 * has messages to take as well.
 */
export function createParse(): Parse {
  let last: { text: string; parsed: ParsedRules } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, parsed: parseRules(text, 'rules') };
    return last.parsed;
  };
}
