/**
 * `{{field}}` in a text is what the message has there; nothing where it has none. `\{{` is two braces. Names are known when the
 * file is read, so a slip of the pen is found then.
 */

/** But for those, any text field of the push by its name: `{{fields.Label}}`, and what an expression matched: `{{match.1}}`. */
export const fieldNames = ['content', 'openid', 'eventKey', 'scene', 'appId', 'account'] as const;
export type FieldName = (typeof fieldNames)[number];

const placeholder = /\\\{\{|\{\{([^{}]*)\}\}/g;

export interface FieldSource {
  /** undefined: it has none. */
  field(name: string): string | undefined;
}

export function hasFields(text: string): boolean {
  return text.includes('{{');
}

export function namesIn(text: string): string[] {
  return [...text.matchAll(placeholder)].flatMap(([, name]) => (name === undefined ? [] : [name.trim()]));
}

export function isField(name: string): boolean {
  return fieldNames.some((one) => one === name) || /^(match\.\w+|fields\.\w+)$/.test(name);
}

/** @param encode how a value is written where it stands, such as in a URL */
export function fill(
  text: string,
  { field }: FieldSource,
  encode: (value: string) => string = (value) => value,
): string {
  if (!hasFields(text)) return text;
  return text.replace(placeholder, (_all, name: string | undefined) =>
    name === undefined ? '{{' : encode(field(name.trim()) ?? ''),
  );
}
