import type { Failure } from '../../contract.js';
import type { Words } from '../words.js';

/** What can be chosen, in the order of the list; any other code is typed. */
export const choices: readonly Failure[] = [
  ...[-1, 40001, 42001, 40003, 43004, 45009, 45011, 45015, 45047, 48001, 40164].map(
    (errcode): Failure => ({ kind: 'errcode', errcode }),
  ),
  { kind: 'http', status: 500 },
  { kind: 'http', status: 502 },
  { kind: 'http', status: 503 },
  { kind: 'hang' },
  { kind: 'slow', ms: 3_000 },
  { kind: 'slow', ms: 12_000 },
  { kind: 'reset', when: 'before' },
  { kind: 'reset', when: 'after' },
  { kind: 'malformed' },
];

export function wordOf(failure: Failure, { panel: { failures } }: Words): string {
  switch (failure.kind) {
    case 'errcode': {
      const { errcode } = failure;
      const known: Record<string, unknown> = failures;
      const word = known[String(errcode)];
      return typeof word === 'string' ? word : String(errcode);
    }
    case 'http':
      return failures.http(failure.status);
    case 'hang':
      return failures.hang;
    case 'slow':
      return failures.slow(failure.ms / 1_000);
    case 'reset':
      return failure.when === 'before' ? failures.resetBefore : failures.resetAfter;
    case 'malformed':
      return failures.malformed;
  }
}
