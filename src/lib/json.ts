/** What JSON can say. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A string of JSON, or a number outside of one: to be used on text that is JSON alone, where it is linear. */
export const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * As JSON.parse, but for what others write that is not quite JSON: control characters stand raw in its strings, and whole numbers
 * that a double cannot hold (ids of 64 bits) come as strings, with all their digits.
 *
 * @returns undefined for what is no JSON
 */
export function parseJson(text: string): JsonValue | undefined {
  const json = isJson(text) ? text : [escapeControls(text)].find(isJson);
  if (json === undefined) return undefined;
  return JSON.parse(json.replace(stringOrNumber, quoteLong)) as JsonValue;
}

function quoteLong(token: string): string {
  // No safe integer has more than 16 digits.
  if (token.length < 16 || !/^-?\d+$/.test(token)) return token;
  return Number.isSafeInteger(Number(token)) ? token : `"${token}"`;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Control characters inside of strings, which JSON wants escaped: some write them as they are. */
export function escapeControls(text: string): string {
  let escaped = '';
  let from = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) inString = !inString;
    else if (code === 0x5c) at += 1;
    else if (code < 0x20 && inString) {
      escaped += `${text.slice(from, at)}\\u${code.toString(16).padStart(4, '0')}`;
      from = at + 1;
    }
  }
  return escaped + text.slice(from);
}
