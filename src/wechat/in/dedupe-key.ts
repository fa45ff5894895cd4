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
  // The same push carries it in compatible mode and not in plaintext mode, and its bytes differ for each retry.
  const content = without(fields, 'Encrypt');
  return hash('sha256', JSON.stringify(canonical(unwrapped(content)) ?? {}), 'base64url');
}

/** In XML the entries of a subscription event stand in an element of their own, in JSON at the top. */
const wrappers = ['SubscribeMsgPopupEvent', 'SubscribeMsgChangeEvent', 'SubscribeMsgSentEvent'];

function unwrapped(fields: FieldMap): FieldMap {
  let content = fields;
  for (const name of wrappers) {
    const wrapper = content[name];
    if (!isFieldMap(wrapper)) continue;
    content = { ...without(content, name), ...wrapper };
  }
  return content;
}

function without({ ...fields }: FieldMap, name: string): FieldMap {
  delete fields[name];
  return fields;
}

type Canonical = string | readonly Canonical[];

/**
 * One form for what XML and JSON write in two: names are sorted; a list of one is its only entry, a list inside a list is
 * more of the same; the `item` elements of a list are its entries; what is empty is as if it were not there.
 *
 * @returns undefined for what is empty
 */
function canonical(value: FieldValue): Canonical | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (Array.isArray(value)) {
    const entries = flat(value).map(canonical).filter(isPresent);
    return entries.length > 1 ? ['list', ...entries] : entries[0];
  }
  const { item, ...others } = value;
  if (item !== undefined && Object.keys(others).length === 0) return canonical(item);
  const named = Object.keys(value)
    .sort()
    .flatMap((name): Canonical[] => {
      const inner = canonical(value[name] ?? '');
      return inner === undefined ? [] : [[name, inner]];
    });
  return named.length === 0 ? undefined : ['fields', ...named];
}

function flat(values: readonly FieldValue[]): FieldValue[] {
  return values.flatMap((value) => (Array.isArray(value) ? flat(value) : [value]));
}

function isPresent(value: Canonical | undefined): value is Canonical {
  return value !== undefined;
}
