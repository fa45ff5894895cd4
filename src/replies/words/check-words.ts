import type { Check, Finding, Verdict } from '../checks/check.js';
import { mapShownTexts } from './shown-texts.js';
import type { WordCategory } from './word-file.js';
import { mask, type WordList } from './word-list.js';

/** The word list that holds now: it changes with its file. */
export type CurrentWords = () => WordList;

/** Of several that are found: a person is worth more than a refusal, and nothing is masked in what is not sent. */
const weight = { handOver: 2, refuse: 1, mask: 0 };

/** Looks for words in what users would read. */
export function createWordsCheck(current: CurrentWords): Check {
  return (reply, _context, position) => {
    const words = current();
    const places = new Map<WordCategory, number>();
    const masked = mapShownTexts(reply, (text) => {
      const found = words.find(text);
      for (const one of found) places.set(one.category, (places.get(one.category) ?? 0) + one.places.length);
      const hidden = found.filter(({ category }) => category.action === 'mask');
      return mask(
        text,
        hidden.flatMap((one) => one.places),
      );
    });
    if (places.size === 0) return { kind: 'pass', reply };
    const findings = [...places].map(([category, count]) => toFinding(category, position, count));
    const gravest = [...places.keys()].reduce(graver);
    return { ...verdictOf(gravest, masked), findings };
  };
}

function verdictOf(category: WordCategory, masked: Parameters<Check>[0]): Verdict {
  const { action, reply: instead } = category;
  const reason = reasonOf(category);
  return action === 'mask' ? { kind: 'pass', reply: masked } : { kind: action, reason, instead };
}

/** Of what a user wrote; undefined: there is nothing in it that keeps the reply logic from running. */
export function checkInbound(
  words: WordList,
  texts: readonly string[],
): { category: WordCategory; reason: string; findings: Finding[] } | undefined {
  const places = new Map<WordCategory, number>();
  for (const text of texts) {
    for (const { category, places: found } of words.find(text))
      if (category.inbound) places.set(category, (places.get(category) ?? 0) + found.length);
  }
  if (places.size === 0) return undefined;
  const category = [...places.keys()].reduce(graver);
  const findings = [...places].map(([one, count]) => toFinding(one, 0, count));
  return { category, reason: reasonOf(category), findings };
}

function graver(left: WordCategory, right: WordCategory): WordCategory {
  return weight[right.action] > weight[left.action] ? right : left;
}

function toFinding({ name, action }: WordCategory, position: number, places: number): Finding {
  return { position, category: name, action, places };
}

function reasonOf({ name }: WordCategory): string {
  return `words of the category ${name}`;
}
