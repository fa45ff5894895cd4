import { XMLParser } from 'fast-xml-parser';
import { toEvent } from './events.js';
import { type CommonFields, type FieldMap, type FieldValue, textField } from './fields.js';
import type { InboundMessage } from './message.js';

export type ParseResult = { ok: true; message: InboundMessage } | { ok: false; reason: string };

/**
 * Entities stay untouched and a DOCTYPE is refused before parsing, so no push can make the parser expand or
 * fetch anything. Values stay text: MsgId has 64 bits, and a user's text keeps its spaces.
 */
const parser = new XMLParser({
  processEntities: false,
  htmlEntities: false,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  trimValues: false,
});

/** WeChat's own nest four deep. */
const maxDepth = 32;

/** The root element must come first, but for a byte order mark, white space and an XML declaration. */
const rootFirst = /^\uFEFF?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<xml[\s>]/;

export type FieldsResult = { ok: true; fields: FieldMap } | { ok: false; reason: string };

/** Reads the fields of a push, in XML or, as the newer console lets the owner choose, in JSON. Never throws. */
export function parseFields(body: string): FieldsResult {
  const read = /^\uFEFF?\s*\{/.test(body) ? readJson(body) : readXml(body);
  if (!read.ok) return read;
  const fields = toField(read.root, maxDepth);
  if (fields === undefined) return { ok: false, reason: `elements are nested deeper than ${maxDepth}` };
  if (typeof fields !== 'object' || Array.isArray(fields)) return { ok: false, reason: 'it has no fields' };
  return { ok: true, fields };
}

/** Reads one plaintext push. Never throws. */
export function parseInbound(body: string): ParseResult {
  const parsed = parseFields(body);
  return parsed.ok ? toMessage(parsed.fields) : parsed;
}

type Root = { ok: true; root: unknown } | { ok: false; reason: string };

function readXml(body: string): Root {
  if (!rootFirst.test(body)) return { ok: false, reason: 'the body does not begin with an <xml> element' };
  if (!body.trimEnd().endsWith('</xml>')) return { ok: false, reason: 'the body does not end with </xml>' };
  if (hasDoctype(body)) return { ok: false, reason: 'a DOCTYPE is not allowed' };
  try {
    return { ok: true, root: parser.parse(body).xml };
  } catch (error) {
    return { ok: false, reason: `the XML cannot be read: ${describe(error)}` };
  }
}

/** A string of JSON, or a number outside of one. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Numbers become strings before they are parsed: as doubles, MsgIds of 64 bits would lose their last digits. */
function readJson(body: string): Root {
  const text = body.replace(/^\uFEFF/, '');
  try {
    // Once as it is: the expression is linear only on text that is JSON.
    JSON.parse(text);
    const quoted = text.replace(stringOrNumber, (token) => (token.startsWith('"') ? token : `"${token}"`));
    return { ok: true, root: JSON.parse(quoted) };
  } catch (error) {
    return { ok: false, reason: `the JSON cannot be read: ${describe(error)}` };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const doctype = /<!doctype/i;

/** A user may well write "<!DOCTYPE": only outside of CDATA is it markup. Linear, whatever the body. */
function hasDoctype(body: string): boolean {
  if (!doctype.test(body)) return false;
  for (let from = 0; ; ) {
    const start = body.indexOf('<![CDATA[', from);
    const end = start < 0 ? -1 : body.indexOf(']]>', start);
    if (doctype.test(body.slice(from, start < 0 ? body.length : start))) return true;
    if (start < 0) return false;
    // A section that is not closed: the parser refuses it.
    if (end < 0) return false;
    from = end + 3;
  }
}

/** Gives stored fields (inbound_message.payload) their type again. */
export function toMessage(fields: FieldMap): ParseResult {
  const text = (name: string) => textField(fields, name);
  const openid = text('FromUserName');
  const msgType = text('MsgType');
  const createTime = text('CreateTime');
  if (!openid) return { ok: false, reason: 'FromUserName is missing' };
  if (!msgType) return { ok: false, reason: 'MsgType is missing' };
  if (!createTime || !/^\d{1,11}$/.test(createTime)) {
    return { ok: false, reason: 'CreateTime is missing or not a unix time in seconds' };
  }
  const common = { toUserName: text('ToUserName') ?? '', openid, createTime: Number(createTime), fields };
  if (msgType.toLowerCase() === 'event') {
    const event = text('Event');
    if (!event) return { ok: false, reason: 'Event is missing' };
    return { ok: true, message: toEvent(common, event) };
  }
  return {
    ok: true,
    message: toUserMessage(msgType, { ...common, msgId: text('MsgId') || undefined }, text),
  };
}

interface UserMessageFields extends CommonFields {
  msgId: string | undefined;
}

function toUserMessage(
  msgType: string,
  common: UserMessageFields,
  text: (name: string) => string | undefined,
): InboundMessage {
  const field = (name: string) => text(name) ?? '';
  switch (msgType) {
    case 'text':
      return { kind: 'text', ...common, content: field('Content'), menuId: text('bizmsgmenuid') };
    case 'image':
      return { kind: 'image', ...common, picUrl: field('PicUrl'), mediaId: field('MediaId') };
    case 'voice':
      return {
        kind: 'voice',
        ...common,
        mediaId: field('MediaId'),
        format: field('Format'),
        recognition: text('Recognition') || undefined,
      };
    case 'video':
    case 'shortvideo':
      return { kind: msgType, ...common, mediaId: field('MediaId'), thumbMediaId: field('ThumbMediaId') };
    case 'location':
      return {
        kind: 'location',
        ...common,
        latitude: field('Location_X'),
        longitude: field('Location_Y'),
        scale: field('Scale'),
        label: field('Label'),
      };
    case 'link':
      return {
        kind: 'link',
        ...common,
        title: field('Title'),
        description: field('Description'),
        url: field('Url'),
      };
    default:
      return { kind: 'unknown', ...common, msgType };
  }
}

/**
 * Turns a parser's value into ours: white space between elements goes, and so does what Postgres refuses.
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
  const fields: FieldMap = Object.create(null);
  for (const [name, inner] of Object.entries(value)) {
    if (name === '#text') continue;
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
