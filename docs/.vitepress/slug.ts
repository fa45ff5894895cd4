/**
 * The anchor of a heading, as GitHub makes it: the pages are read there, too, so one link must do for both. Headings of one page
 * that are the same get a number, which nobody should link to.
 */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}
