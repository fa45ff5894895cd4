import type { InEachLanguage } from '../../lib/language.js';
import type { ErrorCode } from './error-code.js';

type Row = Omit<ErrorCode, 'errcode' | 'reason'>;
/** The reason, or the reason and what differs from the group. */
type Entry = InEachLanguage | readonly [reason: InEachLanguage, differs: Partial<Row>];

/** The codes of a group, which has a class, a scope and a remedy in common. */
export function rows(group: Row, entries: Readonly<Record<string, Entry>>): ErrorCode[] {
  return Object.entries(entries).map(([errcode, entry]) => {
    const [reason, differs] = 'en' in entry ? [entry, {}] : entry;
    return { errcode: Number(errcode), reason, ...group, ...differs };
  });
}
