import { ContextError } from './errors.js';

/** Bytes of UTF-8 that a value may have as JSON. */
export const maxValueBytes = 65_536;

/** How JSON.stringify writes what Postgres refuses, once the backslashes of the text itself are out of the way. */
const refusedByPostgres = /\\u(?:0000|d[89a-f])/;

/**
 * A value as JSON that Postgres takes.
 *
 * @param what names it, for the error
 * @throws ContextError for what is no JSON, is too long, or holds a NUL or half of a surrogate pair
 */
export function toStoredJson(value: unknown, what: string): string {
  const json = stringify(value, what);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxValueBytes) {
    const count = (number: number) => number.toLocaleString('en');
    throw new ContextError(
      `${what}: the value has ${count(bytes)} bytes as JSON, and at most ${count(maxValueBytes)} are kept`,
    );
  }
  if (refusedByPostgres.test(json.replaceAll('\\\\', '')))
    throw new ContextError(
      `${what}: a text in it holds a NUL or half of a character, which Postgres does not store`,
    );
  return json;
}

function stringify(value: unknown, what: string): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw new ContextError(
      `${what}: the value is no JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (json === undefined) throw new ContextError(`${what}: ${typeof value} is no JSON value`);
  return json;
}
