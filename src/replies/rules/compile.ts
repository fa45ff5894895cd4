import { RE2JS } from 're2js';
import { compileAnswer } from './compile-answer.js';
import { fold } from './fold.js';
import type { Note, Path } from './places.js';
import type { Conditions, Key, Keyword, LeftTo, Rule, Rules, TimeOfWeek } from './rules.js';
import { type RuleShape, type RulesFile, weekdayNames } from './shapes.js';

const defaultTimeZone = 'Asia/Shanghai';

/** What a file of the right form means; what only makes sense as a whole is checked here. */
export function compile(
  file: RulesFile,
  { lineOf, note }: { lineOf(path: Path): number; note: Note },
): Rules {
  const timeZone = zone(file.timeZone ?? defaultTimeZone, ['timeZone'], note);
  const sources: LeftTo[] = [];
  const names = new Set<string>();
  const rules = file.rules.map((shape, index): Rule => {
    const path = ['rules', index];
    const name = shape.name ?? `rule ${index + 1}`;
    if (names.has(name)) note([...path, 'name'], `"${name}" is the name of another rule as well`);
    names.add(name);
    const when = conditions(shape.when, { path: [...path, 'when'], timeZone, note });
    const groups = when.keyword?.matches ?? [];
    return {
      ...{ name, priority: shape.priority ?? 0, line: lineOf(path), when },
      answer: compileAnswer(shape.answer, {
        ...{ path: [...path, 'answer'], groups, accounts: when.accounts, sources, note },
      }),
    };
  });
  const defaultAnswer =
    file.default === undefined
      ? undefined
      : compileAnswer(file.default, { path: ['default'], groups: [], accounts: undefined, sources, note });
  // Sorting keeps the order of equals.
  return { rules: rules.sort((a, b) => b.priority - a.priority), defaultAnswer, sources };
}

interface ConditionScope {
  path: Path;
  timeZone: string;
  note: Note;
}

function conditions(when: RuleShape['when'], scope: ConditionScope): Conditions {
  const { path, note } = scope;
  for (const problem of contradictions(when)) note(path, problem);
  return {
    keyword: when.keyword === undefined ? undefined : keyword(when.keyword, [...path, 'keyword'], note),
    choices: list(when.choice),
    events: list(when.event)?.map((name) => name.trim().toLowerCase()),
    clicks: list(when.click)?.map(key),
    scans: list(when.scan)?.map(key),
    types: list(when.type),
    time: timeOfWeek(when, scope),
    accounts: list(when.account),
    chance: when.chance,
  };
}

/** Conditions that no message can meet at once. */
function contradictions(when: RuleShape['when']): string[] {
  const ofText = (['keyword', 'choice'] as const).filter((name) => when[name] !== undefined);
  const ofEvent = (['event', 'click', 'scan'] as const).filter((name) => when[name] !== undefined);
  const problems: string[] = [];
  const [word] = ofText;
  const [event] = ofEvent;
  if (word && event) problems.push(`never holds: ${word} is of texts, and ${event} of events`);
  if (when.click !== undefined && when.scan !== undefined) problems.push('never holds: a click is no scan');
  const types = list(when.type);
  if (types && event && !types.includes('event')) problems.push(`never holds: ${event} is of events`);
  if (types && word && !types.some((type) => type === 'text' || type === 'voice'))
    problems.push(`never holds: ${word} is of texts`);
  if (when.timeZone !== undefined && when.hours === undefined && when.weekdays === undefined)
    problems.push('has a timeZone, and neither hours nor weekdays');
  return problems;
}

function keyword(shape: NonNullable<RuleShape['when']['keyword']>, path: Path, note: Note): Keyword {
  const isShort = typeof shape === 'string' || Array.isArray(shape);
  const { equals, contains, matches } = isShort
    ? { equals: shape, contains: undefined, matches: undefined }
    : shape;
  const words = (of: string | string[] | undefined, name: string) =>
    (list(of) ?? []).map((word, index) => {
      const at = [...path, ...(isShort ? [] : [name]), ...(typeof of === 'string' ? [] : [index])];
      const folded = fold(word);
      if (folded === '') note(at, 'must not be empty');
      return folded;
    });
  const expressions = (list(matches) ?? []).flatMap((source, index) => {
    const compiled = expression(source);
    if (typeof compiled !== 'string') return [compiled];
    note([...path, 'matches', ...(typeof matches === 'string' ? [] : [index])], compiled);
    return [];
  });
  return { equals: words(equals, 'equals'), contains: words(contains, 'contains'), matches: expressions };
}

/** Or what is wrong with it. */
function expression(source: string): RE2JS | string {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    return `is no regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function key(text: string): Key {
  return text.endsWith('*') ? { text: text.slice(0, -1), isPrefix: true } : { text, isPrefix: false };
}

function timeOfWeek(
  when: RuleShape['when'],
  { path, timeZone, note }: ConditionScope,
): TimeOfWeek | undefined {
  if (when.hours === undefined && when.weekdays === undefined) return undefined;
  const own = when.timeZone;
  return {
    timeZone: own === undefined ? timeZone : zone(own, [...path, 'timeZone'], note),
    hours: (list(when.hours) ?? []).map((range, index) => {
      const [from = 0, to = 0] = range.split('-').map(minutes);
      if (from === to) {
        const at = typeof when.hours === 'string' ? [] : [index];
        note([...path, 'hours', ...at], 'begins when it ends; for the whole day leave hours out');
      }
      return { from, to };
    }),
    weekdays: [...new Set((list(when.weekdays) ?? []).flatMap(days))],
  };
}

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(':').map(Number);
  return hours * 60 + rest;
}

const allDays: readonly string[] = weekdayNames;

/** `fri-mon` goes over the end of the week. */
function days(range: string): number[] {
  const [from = 0, to = from] = range.split('-').map((name) => allDays.indexOf(name));
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, index) => (from + index) % 7);
}

function zone(name: string, path: Path, note: Note): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    note(path, `"${name}" is no time zone`);
    return defaultTimeZone;
  }
}

function list<T>(value: T | T[] | undefined): T[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value : [value];
}
