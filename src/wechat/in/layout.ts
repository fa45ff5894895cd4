/** The parts of XML as WeChat writes it, and the blanks between them. */

export const sectionOpen = '<![CDATA[';
export const sectionClose = ']]>';

const isLayout = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** The first position from `at` on that is no blank between two parts. */
export function afterLayout(body: string, at: number): number {
  let position = at;
  while (isLayout(body.charCodeAt(position))) position += 1;
  return position;
}

/** Whether the element called `name` ends here. By parts: to glue them together costs more than to compare. */
export function closesAt(body: string, at: number, name: string): boolean {
  return (
    body.charCodeAt(at) === 0x3c &&
    body.charCodeAt(at + 1) === 0x2f &&
    body.charCodeAt(at + 2 + name.length) === 0x3e &&
    body.startsWith(name, at + 2)
  );
}

/** The position behind the last character before `at` that is no blank between two parts. */
export function beforeLayout(body: string, at: number): number {
  let position = at;
  while (position > 0 && isLayout(body.charCodeAt(position - 1))) position -= 1;
  return position;
}

/** Of an element that nobody has heard of; WeChat's longest has some 30 characters. */
export const maxNameLength = 100;

/** Whether the beginning or the end of an element stands here, blanks aside. */
export function isTagNext(body: string, at: number): boolean {
  const next = afterLayout(body, at);
  // Behind it a letter or a slash: no blank, no digit, no mark. NaN, at the end of the body, is neither.
  return body.charCodeAt(next) === 0x3c && (body[next + 1] === '/' || body.charCodeAt(next + 1) > 0x40);
}
