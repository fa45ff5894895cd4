import { type FieldMap, textField } from './fields.js';
import { afterLayout, beforeLayout, closesAt, isTagNext, sectionClose, sectionOpen } from './layout.js';

/**
 * Fields that hold what a user wrote, by the element around them, each with the rows of fields of the same user that may
 * follow it there, the likeliest first. No other field of these elements holds text that a user chose.
 */
const userText: ReadonlyMap<string, ReadonlyMap<string, readonly (readonly string[])[]>> = new Map([
  [
    'xml',
    new Map([
      ['Content', []],
      ['Recognition', []],
      ['Label', []],
      ['Title', [['Description', 'Url'], ['Description'], ['Url']]],
      ['Description', [['Url']]],
      ['Url', []],
    ]),
  ],
  ['ScanCodeInfo', new Map([['ScanResult', []]])],
  [
    'SendLocationInfo',
    new Map([
      ['Label', [['Poiname']]],
      ['Poiname', []],
    ]),
  ],
]);

/**
 * Where the CDATA section ends that holds a field.
 *
 * WeChat writes text into CDATA as it is, so the text may hold `]]>`, the end of its own field, or whole elements. What a
 * user wrote ends at the last place where it can; everything behind that is WeChat's own. Other fields end at the
 * first. The search passes over the text a fixed number of times.
 *
 * @param parent name of the element around the field
 * @param before the fields of that element that are read already
 * @returns the position of `]]>`, or -1 when there is none
 */
export function sectionEnd(
  body: string,
  from: number,
  name: string,
  parent: string,
  before: FieldMap,
): number {
  const rows = userText.get(parent)?.get(name);
  if (rows) return endOfUserText(body, from, name, rows);
  // A scene or a key is the account's, but may be made of what users gave it.
  if (name === 'EventKey' && !hasUserTextBehind(before)) return lastEnd(body, from, name);
  return firstEnd(body, from, name);
}

/** These events have what the user scanned or chose in an element behind EventKey. */
function hasUserTextBehind(fields: FieldMap): boolean {
  return /^(?:scancode_|location_select)/i.test(textField(fields, 'Event') ?? '');
}

function firstEnd(body: string, from: number, name: string): number {
  let end = body.indexOf(sectionClose, from);
  while (end >= 0) {
    const at = afterLayout(body, end + sectionClose.length);
    if (closesAt(body, at, name) && isTagNext(body, at + name.length + 3)) return end;
    end = body.indexOf(sectionClose, end + 1);
  }
  return -1;
}

function lastEnd(body: string, from: number, name: string): number {
  const close = `</${name}>`;
  let at = body.lastIndexOf(close);
  while (at >= from) {
    const end = endBefore(body, from, at);
    if (end >= 0 && isTagNext(body, at + close.length)) return end;
    at = body.lastIndexOf(close, at - 1);
  }
  return -1;
}

/** The position of a `]]>` that nothing but blanks parts from `at`, or -1. */
function endBefore(body: string, from: number, at: number): number {
  const end = beforeLayout(body, at) - sectionClose.length;
  return end >= from && body.startsWith(sectionClose, end) ? end : -1;
}

/**
 * From behind: the last field of a row begins at the last place where it can, and the one before it ends there. So each
 * ends before all that follow it have begun, whatever their texts are.
 */
function endOfUserText(
  body: string,
  from: number,
  name: string,
  rows: readonly (readonly string[])[],
): number {
  for (const row of rows) {
    let end: number | undefined = body.length;
    for (let last = row.length - 1; last >= 0 && end !== undefined; last -= 1) {
      end = lastJoint(body, from, row[last - 1] ?? name, row[last] ?? '', end);
    }
    if (end !== undefined) return end;
  }
  return lastEnd(body, from, name);
}

/** The last `]]>` before `limit` with which `name` ends, just before `follower` begins. */
function lastJoint(
  body: string,
  from: number,
  name: string,
  follower: string,
  limit: number,
): number | undefined {
  const close = `</${name}>`;
  const open = `<${follower}>`;
  for (let at = body.lastIndexOf(open, limit); at > from; at = body.lastIndexOf(open, at - 1)) {
    const closeAt = beforeLayout(body, at) - close.length;
    if (closeAt < from || !body.startsWith(close, closeAt)) continue;
    if (!body.startsWith(sectionOpen, afterLayout(body, at + open.length))) continue;
    const end = endBefore(body, from, closeAt);
    if (end >= 0) return end;
  }
  return undefined;
}
