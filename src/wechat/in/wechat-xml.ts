import { type FieldMap, Fields, type FieldValue } from './fields.js';
import { afterLayout, beforeLayout, closesAt, maxNameLength, sectionClose, sectionOpen } from './layout.js';
import { decodeReferences } from './references.js';
import { sectionEnd } from './section-end.js';

const root = '<xml>';
const rootBehindDeclaration = /^\uFEFF?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<xml>/;
const lessThan = 0x3c;
const slash = 0x2f;
const asciiName = /^[A-Za-z_]\w*$/;
const anyName = /^[\p{L}_][\p{L}\p{N}_.-]*$/u;

/** WeChat's own nest four deep. */
const maxDepth = 31;

interface Reader {
  readonly body: string;
  at: number;
}

/**
 * Reads XML of the form in which WeChat writes it: elements without attributes in <xml>, and inside each either one CDATA
 * section, or plain text, or elements. Blanks between these are layout.
 *
 * WeChat does not write XML that parsers of XML can read: what users wrote stands in CDATA as it is, `]]>` and control
 * characters included. So this reads by the form alone (see section-end.ts), which is much quicker, too
 * (docs/performance.md). It never looks back: the time grows with the length.
 *
 * @returns undefined for XML of any other form, and for what is no XML: that is for the parser to read or to refuse
 */
export function readWeChatXml(push: string): FieldMap | undefined {
  const start = push.startsWith(root) ? root.length : rootBehindDeclaration.exec(push)?.[0].length;
  if (start === undefined) return undefined;
  // Postgres takes neither NULs nor halves of surrogate pairs.
  const body = (push.includes('\0') ? push.replaceAll('\0', '\uFFFD') : push).toWellFormed();
  const reader: Reader = { body, at: start };
  const fields = readElements(reader, 'xml', 0);
  return fields && body.slice(reader.at).trim() === '' ? fields : undefined;
}

/** Reads up to the end of the element called `parent`. */
function readElements(reader: Reader, parent: string, depth: number): FieldMap | undefined {
  const { body } = reader;
  const fields = new Fields();
  for (;;) {
    const open = afterLayout(body, reader.at);
    if (body.charCodeAt(open) !== lessThan) return undefined;
    if (body.charCodeAt(open + 1) === slash) {
      reader.at = open + parent.length + 3;
      return closesAt(body, open, parent) ? fields : undefined;
    }
    const nameEnd = body.indexOf('>', open);
    if (nameEnd < 0 || nameEnd - open > maxNameLength) return undefined;
    const isEmpty = body.charCodeAt(nameEnd - 1) === slash;
    const name = body.slice(open + 1, isEmpty ? nameEnd - 1 : nameEnd);
    if (!asciiName.test(name) && !anyName.test(name)) return undefined;
    reader.at = nameEnd + 1;
    const value = isEmpty ? '' : readValue(reader, name, parent, fields, depth);
    if (value === undefined) return undefined;
    add(fields, name, value);
  }
}

/** A repeated element makes a list. */
function add(fields: FieldMap, name: string, value: FieldValue): void {
  const earlier = name in fields ? fields[name] : undefined;
  if (earlier === undefined) fields[name] = value;
  else if (Array.isArray(earlier)) earlier.push(value);
  else fields[name] = [earlier, value];
}

/** Reads what is inside the element called `name`, and its end. */
function readValue(
  reader: Reader,
  name: string,
  parent: string,
  before: FieldMap,
  depth: number,
): FieldValue | undefined {
  const { body, at } = reader;
  const start = afterLayout(body, at);
  if (body.startsWith(sectionOpen, start)) {
    const from = start + sectionOpen.length;
    const end = sectionEnd(body, from, name, parent, before);
    if (end < 0) return undefined;
    reader.at = afterLayout(body, end + sectionClose.length) + name.length + 3;
    return body.slice(from, end);
  }
  const end = body.indexOf('<', start);
  if (end < 0) return undefined;
  if (closesAt(body, end, name)) {
    reader.at = end + name.length + 3;
    if (end === start) return '';
    const text = body.slice(at, end);
    if (start !== at || beforeLayout(body, end) !== end) return withoutLayout(text);
    return text.includes('&') ? decodeReferences(text) : text;
  }
  // Text beside elements, comments and the like are not of this form.
  if (end !== start || depth === maxDepth) return undefined;
  return nested(readElements(reader, name, depth + 1));
}

/** Numbers stand outside of CDATA, where blanks are layout. Of a text that somebody else wrote there they may be a part. */
function withoutLayout(text: string): string {
  const number = text.trim();
  return /^-?[\d.]{1,40}$/.test(number) ? number : decodeReferences(text);
}

/** An element that holds none is empty text. */
function nested(fields: FieldMap | undefined): FieldValue | undefined {
  for (const _name in fields) return fields;
  return fields && '';
}
