import { createFindWords } from '../../lib/find-words.js';
import { type FoldedText, fold } from './fold.js';
import type { WordCategory } from './word-file.js';

/** Words of one category in one text. */
export interface FoundWords {
  readonly category: WordCategory;
  /** Where, in the text as it was given: in order, apart from each other. */
  readonly places: readonly Place[];
}

export interface Place {
  readonly start: number;
  readonly end: number;
}

/** Finds all words of all categories in a text, in one pass. */
export interface WordList {
  readonly categories: readonly WordCategory[];
  find(text: string): FoundWords[];
}

interface Word {
  category: number;
  folded: FoldedText;
}

export function createWordList(categories: readonly WordCategory[]): WordList {
  const words = categories.flatMap((one, category): Word[] =>
    one.words.map((word) => ({ category, folded: fold(word) })),
  );
  const findWords = createFindWords(words.map(({ folded }) => folded.text));

  return {
    categories,
    find(text) {
      const folded = fold(text);
      const places = new Map<number, Place[]>();
      findWords(folded.text, (number, end) => {
        const word = words[number];
        const start = end - (word?.folded.text.length ?? 0);
        if (!word || !stands(folded, start, end, word.folded)) return;
        const found = places.get(word.category) ?? [];
        places.set(word.category, found);
        found.push({ start: folded.starts[start] ?? 0, end: folded.ends[end - 1] ?? 0 });
      });
      return categories.flatMap((category, index) => {
        const found = places.get(index);
        return found ? [{ category, places: joined(found) }] : [];
      });
    },
  };
}

/** Of scripts that are written with blanks between words. */
const spacedLetter = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Nd}]/u;

/**
 * Chinese stands wherever its characters stand, whatever is between them. What begins or ends with a letter or a digit is no part of a
 * longer word or number, as "ass" is none of "class", and blanks in it are between all of its letters ("a s s") or where the
 * list has them too: "as set" holds no word that is written in one.
 */
function stands(text: FoldedText, start: number, end: number, word: FoldedText): boolean {
  if (isWithinWord(text, start) || isWithinWord(text, end)) return false;
  let pairs = 0;
  let spaced = 0;
  for (let index = start + 1; index < end; index += 1) {
    if (word.gaps[index - start] || !isSpacedPair(text.text, index)) continue;
    pairs += 1;
    if (text.gaps[index]) spaced += 1;
  }
  return spaced === 0 || spaced === pairs;
}

/** Whether a word goes on over this place. */
function isWithinWord({ text, gaps }: FoldedText, at: number): boolean {
  return at > 0 && at < text.length && !gaps[at] && isSpacedPair(text, at);
}

function isSpacedPair(text: string, at: number): boolean {
  return spacedLetter.test(text.charAt(at - 1)) && spacedLetter.test(text.charAt(at));
}

/** Those that touch or overlap are one. */
function joined(places: readonly Place[]): Place[] {
  const all: { start: number; end: number }[] = [];
  for (const { start, end } of [...places].sort((left, right) => left.start - right.start)) {
    const last = all.at(-1);
    if (last && start < last.end) last.end = Math.max(last.end, end);
    else all.push({ start, end });
  }
  return all;
}

/** A star for each character that shows: nobody sees more than its length. */
export function mask(text: string, places: readonly Place[]): string {
  let masked = '';
  let at = 0;
  for (const { start, end } of joined(places)) {
    masked += text.slice(at, start) + text.slice(start, end).replace(/[^\p{White_Space}]/gu, '*');
    at = end;
  }
  return masked + text.slice(at);
}
