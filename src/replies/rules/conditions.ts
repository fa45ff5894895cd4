import type { RE2JS } from 're2js';
import type { Conditions, Key, Keyword, Rule } from './rules.js';
import type { Subject } from './subject.js';
import { isWithin } from './zone-time.js';

/** Groups of the expression that matched, by number and name; 0 is all of it. */
export type Groups = Readonly<Record<string, string>>;

/** The condition that did not hold; `events`: the rule is not about events, and this is one. */
export type Unmet = keyof Conditions | 'isEvent';

export type Verdict =
  | { readonly applies: true; readonly groups: Groups }
  | { readonly applies: false; readonly unmet: Unmet };

const noGroups: Groups = {};

/**
 * Whether all conditions of a rule hold; the first that does not is told.
 *
 * @param hasWord whether a word of its keyword is in the text, where that is known
 */
export function judge(
  { name, when }: Rule,
  subject: Subject,
  hasWord: 'yes' | 'no' | 'unknown' = 'unknown',
): Verdict {
  const unmet = firstUnmet(when, subject);
  if (unmet) return { applies: false, unmet };
  let groups: Groups | undefined = noGroups;
  if (when.keyword) {
    const isHit = hasWord === 'unknown' ? containsWord(when.keyword, subject) : hasWord === 'yes';
    groups = isHit ? noGroups : matchAny(when.keyword, subject);
    if (!groups) return { applies: false, unmet: 'keyword' };
  }
  // The last: a digest is made for it.
  if (when.chance !== undefined && when.chance < 1 && subject.draw(`chance ${name}`) >= when.chance) {
    return { applies: false, unmet: 'chance' };
  }
  return { applies: true, groups };
}

function firstUnmet(when: Conditions, subject: Subject): Unmet | undefined {
  const { message, type, appId, scene } = subject;
  if (when.accounts && !when.accounts.includes(appId)) return 'accounts';
  if (message.kind === 'event') {
    if (!isAboutEvents(when)) return 'isEvent';
    if (when.events && !when.events.includes(message.name)) return 'events';
    if (when.clicks && !(message.event === 'click' && isOneOf(when.clicks, message.key))) return 'clicks';
    if (when.scans && !(scene !== undefined && isOneOf(when.scans, scene))) return 'scans';
  } else {
    if (when.events) return 'events';
    if (when.clicks) return 'clicks';
    if (when.scans) return 'scans';
  }
  if (when.choices && !(message.kind === 'text' && includes(when.choices, message.menuId))) return 'choices';
  if (when.types && !when.types.includes(type)) return 'types';
  if (when.time && !isWithin(when.time, subject.localTime(when.time.timeZone))) return 'time';
  return undefined;
}

/** Events come unasked, too (where the user is, what became of a mass message): who wants them names them. */
export function isAboutEvents({ events, clicks, scans, types }: Conditions): boolean {
  return Boolean(events || clicks || scans || types?.includes('event'));
}

function isOneOf(keys: readonly Key[], value: string): boolean {
  return keys.some(({ text, isPrefix }) => (isPrefix ? value.startsWith(text) : value === text));
}

function includes(some: readonly string[], value: string | undefined): boolean {
  return value !== undefined && some.includes(value);
}

function containsWord({ equals, contains }: Keyword, { folded }: Subject): boolean {
  if (folded === undefined) return false;
  return equals.includes(folded) || contains.some((word) => folded.includes(word));
}

function matchAny({ matches }: Keyword, { text }: Subject): Groups | undefined {
  if (text === undefined) return undefined;
  for (const pattern of matches) {
    const groups = matchPattern(pattern, text);
    if (groups) return groups;
  }
  return undefined;
}

/** As it was written; where that fails, with letters and digits in half width: the digits of a phone in China may be full. */
function matchPattern(pattern: RE2JS, text: string): Groups | undefined {
  const groups = groupsIn(pattern, text);
  if (groups) return groups;
  const narrow = text.normalize('NFKC');
  return narrow === text ? undefined : groupsIn(pattern, narrow);
}

function groupsIn(pattern: RE2JS, text: string): Groups | undefined {
  const matcher = pattern.matcher(text);
  if (!matcher.find()) return undefined;
  const groups: Record<string, string> = {};
  for (let index = 0; index <= pattern.groupCount(); index++) groups[index] = matcher.group(index) ?? '';
  for (const [name, index] of Object.entries(pattern.namedGroups())) groups[name] = groups[index] ?? '';
  return groups;
}
