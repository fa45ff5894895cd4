/**
 * A text as words are looked for in it: by NFKC (full-width letters are letters, half-width kana are kana), in lower case, and without
 * what does not show or is blank.
 */
export interface FoldedText {
  readonly text: string;
  /** For each unit of `text`: where the character that it comes from begins in the original. */
  readonly starts: readonly number[];
  /** And where it ends. */
  readonly ends: readonly number[];
  /** For each unit: whether blanks were left out before it. */
  readonly gaps: readonly boolean[];
}

/** A character with the marks on it: NFKC may make one of both. Sound marks of half-width kana are letters to Unicode. */
const characters = /[\s\S](?:\p{M}|[\uFF9E\uFF9F])*/gu;

/** Zero-width characters, variation selectors, soft hyphens and the like; and the blank pattern of Braille. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cc}\u2800]/gu;
const blank = /\p{White_Space}/u;

export function fold(original: string): FoldedText {
  const starts: number[] = [];
  const ends: number[] = [];
  const gaps: boolean[] = [];
  let text = '';
  let isAfterGap = false;
  for (const { 0: character, index } of original.matchAll(characters)) {
    const folded = foldCharacter(character);
    if (folded === '') {
      if (blank.test(character)) isAfterGap = true;
      continue;
    }
    for (let unit = 0; unit < folded.length; unit += 1) {
      starts.push(index);
      ends.push(index + character.length);
      gaps.push(isAfterGap);
      isAfterGap = false;
    }
    text += folded;
  }
  return { text, starts, ends, gaps };
}

const asciiLength = 0x80;

/** Empty for what is blank or does not show. */
function foldCharacter(character: string): string {
  if (character.length === 1 && character.charCodeAt(0) < asciiLength) {
    const code = character.charCodeAt(0);
    return code <= 0x20 || code === 0x7f ? '' : character.toLowerCase();
  }
  // Lower case may undo it.
  const plain = character.normalize('NFKC').toLowerCase().normalize('NFKC');
  return plain.replace(invisible, '').replace(/\p{White_Space}/gu, '');
}
