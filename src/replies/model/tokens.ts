/** A message of a conversation has a frame around its text, of about so many tokens. */
const frameTokens = 4;

/**
 * About how many tokens a text is, without the tokenizer of any model: a Chinese, Japanese or Korean character counts one, what lies
 * beyond the basic plane (emoji, rare characters) two, other letters with accents or of other scripts a half, and ASCII a quarter.
 * Today's tokenizers need some 0.6 to 1.1 tokens a Chinese character and 0.2 to 0.3 an English letter: rather too many than too few.
 */
export function estimateTokens(text: string): number {
  let quarters = 0;
  for (const character of text) quarters += quartersOf(character.codePointAt(0) ?? 0);
  return Math.ceil(quarters / 4);
}

/** The same with the frame that a message has. */
export function estimateMessageTokens(text: string): number {
  return frameTokens + estimateTokens(text);
}

function quartersOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  // From the radicals of Chinese on: punctuation, kana, hangul and full width forms too.
  if (codePoint < 0x2e80) return 2;
  return codePoint < 0x1_0000 ? 4 : 8;
}
