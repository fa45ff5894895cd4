/** A field as sent: text, a nested element, or one that is repeated. Numbers stay text, so that 64-bit ids stay exact. */
export type FieldValue = string | FieldMap | FieldValue[];

export interface FieldMap {
  [name: string]: FieldValue;
}

/**
 * An empty FieldMap that knows no names but its own: `constructor` is a field like any other. As Object.create(null), but
 * made by a constructor, because V8 keeps the properties of the former in a hash table, which is slower.
 */
export const Fields = function Fields() {} as unknown as new () => FieldMap;
Fields.prototype = Object.freeze(Object.create(null));

/** What every push carries. */
export interface CommonFields {
  /** ToUserName: the account's original id (gh_…). */
  toUserName: string;
  /** FromUserName: the user. */
  openid: string;
  /** CreateTime, unix seconds by WeChat's clock. */
  createTime: number;
  /** Every field as sent, for what has no property of its own. */
  fields: FieldMap;
}

/** What every event carries besides. */
export interface EventCommon extends CommonFields {
  kind: 'event';
  /** Event in lower case, whatever its case on the wire; for `other`, the name is here alone. */
  name: string;
  /** EventKey as sent: menu key, scene, url or other; absent when empty. */
  eventKey?: string | undefined;
}

/** A field that must be text: undefined when it is absent or has elements inside. */
export function textField(fields: FieldMap, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}

/** As textField; of a repeated field its first text. */
export function firstText(fields: FieldMap, name: string): string | undefined {
  const value = fields[name];
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.find((entry) => typeof entry === 'string') : undefined;
}

/** The elements inside a field; none when it is absent or text. */
export function nestedFields(fields: FieldMap, name: string): FieldMap {
  const value = fields[name];
  return isFieldMap(value) ? value : {};
}

/** A field that may be repeated, as a list: empty, one or several. */
export function listField(fields: FieldMap, name: string): FieldMap[] {
  const value = fields[name];
  return (Array.isArray(value) ? value : [value]).filter(isFieldMap);
}

export function isFieldMap(value: FieldValue | undefined): value is FieldMap {
  return typeof value === 'object' && !Array.isArray(value);
}
