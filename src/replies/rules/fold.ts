/**
 * What a keyword and a text are compared as: full width and half width are the same, and so are upper and lower case; white space
 * around it does not count.
 */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}

/** What voice is recognised as ends like a sentence, and nobody writes a keyword so. */
export function foldSpeech(text: string): string {
  return fold(text).replace(/[。.!?]+$/, '');
}
