import { hash } from 'node:crypto';
import { type FieldMap, type FieldValue, isFieldMap } from './fields.js';
import { type InboundMessage, messageType } from './message.js';

/**
 * Equal for every push of one message, different for different messages of an account. It always names the user, so
 * equal keys share a conversation.
 *
 * A message has a MsgId; nothing promises that it is unique over users, and WeChat has given one to two of them. An event
 * has no id that can be relied on: two of one user and one second may differ in a single field of their own (two cards
 * taken, two reports). So its identity is all that it says. A retry of the platform repeats its whole content.
 */
export function dedupeKey(message: InboundMessage): string {
  const { openid, createTime, fields } = message;
  if (message.kind === 'event') {
    return `event:${part(openid)}:${createTime}:${part(message.name)}:${digest(fields)}`;
  }
  const type = part(messageType(message));
  if (message.msgId) return `msg:${part(openid)}:${type}:${part(message.msgId)}`;
  return `msg:${part(openid)}:${createTime}:${type}:${digest(fields)}`;
}

/** What needs no hash: it cannot run over into the next part, and is short. An OpenID has 28 characters of these. */
const plainPart = /^[\w.@-]{1,64}$/;

/** Nothing says how long these may be, and an index entry of Postgres holds 2.7 kB at most. */
function part(value: string): string {
  return plainPart.test(value) ? value : `#${hash('sha256', value, 'base64url')}`;
}

/** Of all fields, whatever their order, their format and the mode in which they came. */
function digest(fields: FieldMap): string {
  return hash('sha256', ofFields(unwrapped(fields), 'Encrypt'), 'base64url');
}

/** In XML the entries of a subscription event stand in an element of their own, in JSON at the top. */
const wrapperNames = ['SubscribeMsgPopupEvent', 'SubscribeMsgChangeEvent', 'SubscribeMsgSentEvent'];

function unwrapped(fields: FieldMap): FieldMap {
  for (const name of wrapperNames) {
    const wrapper = fields[name];
    if (isFieldMap(wrapper) && !('List' in fields)) return { ...fields, [name]: '', ...wrapper };
  }
  return fields;
}

/** @param ignored one push carries it in compatible mode and not in plaintext mode, and its bytes differ for each retry */
function ofFields(fields: FieldMap, ignored?: string): string {
  let all = '';
  for (const name of Object.keys(fields).sort()) {
    const content = name === ignored ? '' : canonical(fields[name]);
    if (content !== '') all += `${name.length}:${name}${content}`;
  }
  return all;
}

/**
 * One form for what XML and JSON write in two: fields are sorted; a list of one is its only entry, a list inside a list is
 * more of the same; the `item` elements of a list are its entries; what is empty is as if it were not there. Each part is
 * led by its length, so that no text can pass for two.
 */
function canonical(value: FieldValue | undefined): string {
  if (value === undefined || value === '') return '';
  if (typeof value === 'string') return `=${value.length}:${value}`;
  if (Array.isArray(value)) {
    const entries = flat(value)
      .map(canonical)
      .filter((entry) => entry !== '');
    return entries.length > 1 ? `[${entries.length}:${entries.join('')}` : (entries[0] ?? '');
  }
  const names = Object.keys(value);
  if (names.length === 1 && names[0] === 'item') return canonical(value.item);
  const inner = ofFields(value);
  return inner === '' ? '' : `{${inner}}`;
}

function flat(values: readonly FieldValue[]): FieldValue[] {
  return values.flatMap((value) => (Array.isArray(value) ? flat(value) : [value]));
}
