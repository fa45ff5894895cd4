import { XMLParser } from 'fast-xml-parser';
import { escapeControls, isJson, stringOrNumber } from '../../lib/json.js';
import { type FieldMap, Fields, type FieldValue } from './fields.js';
import { decodeReferences } from './references.js';
import { readWeChatXml } from './wechat-xml.js';

/**
 * A DOCTYPE is refused and nothing that it declares is known, so no push can make the parser expand or fetch
 * anything. Values stay text: MsgId has 64 bits, and a user's text keeps its spaces.
 */
const parser = new XMLParser({
  processEntities: true,
  entityDecoder: {
    decode: decodeReferences,
    // The parser calls this for every DOCTYPE, and only it can tell one from what is in CDATA or in a comment.
    addInputEntities() {
      throw new Error('a DOCTYPE is not allowed');
    },
    setExternalEntities: () => undefined,
    setXmlVersion: () => undefined,
    reset: () => undefined,
  },
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  trimValues: false,
  // Else it writes out the path of every element: quadratic, seconds for long names inside each other.
  jPath: false,
  // Fields are copied to objects without a prototype, so toString is a name like any other.
  onDangerousProperty: (name) => name,
});

/** WeChat's own nest four deep. */
const maxDepth = 32;

/** The root element must come first, but for a byte order mark, white space and an XML declaration. */
const rootFirst = /^\uFEFF?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<xml[\s>]/;

export type FieldsResult = { ok: true; fields: FieldMap } | { ok: false; reason: string };

/** Reads the fields of a push, in XML or, as the newer console lets the owner choose, in JSON. Never throws. */
export function parseFields(body: string): FieldsResult {
  const fields = readWeChatXml(body);
  if (fields) return hasFields(fields) ? { ok: true, fields } : { ok: false, reason: 'it has no fields' };
  return parseAnyFields(body);
}

/** By the parsers alone, whatever the form. */
export function parseAnyFields(body: string): FieldsResult {
  const read = /^\uFEFF?\s*\{/.test(body) ? readJson(body) : readXml(body);
  if (!read.ok) return read;
  const fields = toField(read.root, maxDepth);
  if (fields === undefined) return { ok: false, reason: `elements are nested deeper than ${maxDepth}` };
  if (typeof fields !== 'object' || Array.isArray(fields)) return { ok: false, reason: 'it has no fields' };
  return { ok: true, fields };
}

function hasFields(fields: FieldMap): boolean {
  for (const _name in fields) return true;
  return false;
}

type Root = { ok: true; root: unknown } | { ok: false; reason: string };

function readXml(body: string): Root {
  if (!rootFirst.test(body)) return { ok: false, reason: 'the body does not begin with an <xml> element' };
  if (!body.trimEnd().endsWith('</xml>')) return { ok: false, reason: 'the body does not end with </xml>' };
  try {
    return { ok: true, root: parser.parse(body).xml };
  } catch (error) {
    return { ok: false, reason: `the XML cannot be read: ${describe(error)}` };
  }
}

/** Numbers become strings before they are parsed: as doubles, MsgIds of 64 bits would lose their last digits. */
function readJson(body: string): Root {
  const text = body.replace(/^\uFEFF/, '');
  try {
    // Once as it is: the expression is linear only on text that is JSON.
    const json = isJson(text) ? text : escapeControls(text);
    JSON.parse(json);
    const quoted = json.replace(stringOrNumber, (token) => (token.startsWith('"') ? token : `"${token}"`));
    return { ok: true, root: JSON.parse(quoted) };
  } catch (error) {
    return { ok: false, reason: `the JSON cannot be read: ${describe(error)}` };
  }
}

/** Without what the parsers quote: reasons are logged, and what users write is not. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  return message === '' || message.includes('"') ? 'it is malformed' : message;
}

/**
 * Turns a parser's value into ours: white space between elements goes, text between them stays as `#text`, and what
 * Postgres refuses is replaced.
 *
 * @returns undefined when it is nested deeper than `depth`
 */
function toField(value: unknown, depth: number): FieldValue | undefined {
  if (typeof value !== 'object' || value === null) return storable(String(value ?? ''));
  if (depth === 0) return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item) => toField(item, depth - 1));
    return items.includes(undefined) ? undefined : (items as FieldValue[]);
  }
  // Without a prototype: a field may be called __proto__.
  const fields = new Fields();
  for (const [name, inner] of Object.entries(value)) {
    if (name === '#text' && typeof inner === 'string' && inner.trim() === '') continue;
    const field = toField(inner, depth - 1);
    if (field === undefined) return undefined;
    fields[storable(name)] = field;
  }
  return fields;
}

/** NULs, and halves of surrogate pairs (JSON can escape them), become U+FFFD. */
function storable(text: string): string {
  return (text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text).toWellFormed();
}
