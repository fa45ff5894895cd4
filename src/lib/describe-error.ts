/**
 * What an error says of itself, in one line of words. A host with several addresses that all refuse gives an error without a
 * message of its own: then what those say.
 */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(describeError).join('; ');
  return error instanceof Error ? error.message : String(error);
}
