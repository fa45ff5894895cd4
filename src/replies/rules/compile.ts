import { RE2JS } from 're2js';
import { describeError } from '../../lib/describe-error.js';
import { type InEachLanguage, say } from '../../lib/language.js';
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
    if (names.has(name))
      note(
        [...path, 'name'],
        say(`"${name}" is the name of another rule as well`, `“${name}”已是另一条规则的名字`),
      );
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
function contradictions(when: RuleShape['when']): InEachLanguage[] {
  const ofText = (['keyword', 'choice'] as const).filter((name) => when[name] !== undefined);
  const ofEvent = (['event', 'click', 'scan'] as const).filter((name) => when[name] !== undefined);
  const problems: InEachLanguage[] = [];
  const [word] = ofText;
  const [event] = ofEvent;
  if (word && event)
    problems.push(
      say(
        `never holds: ${word} is of texts, and ${event} of events`,
        `永远不成立：${word} 针对文字，${event} 针对事件`,
      ),
    );
  if (when.click !== undefined && when.scan !== undefined)
    problems.push(say('never holds: a click is no scan', '永远不成立：点击菜单不是扫码'));
  const types = list(when.type);
  if (types && event && !types.includes('event'))
    problems.push(say(`never holds: ${event} is of events`, `永远不成立：${event} 针对事件`));
  if (types && word && !types.some((type) => type === 'text' || type === 'voice'))
    problems.push(say(`never holds: ${word} is of texts`, `永远不成立：${word} 针对文字`));
  if (when.timeZone !== undefined && when.hours === undefined && when.weekdays === undefined)
    problems.push(
      say('has a timeZone, and neither hours nor weekdays', '写了 timeZone，却没有 hours 或 weekdays'),
    );
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
      if (folded === '') note(at, say('must not be empty', '不能为空'));
      return folded;
    });
  const expressions = (list(matches) ?? []).flatMap((source, index) => {
    const compiled = expression(source);
    if ('pattern' in compiled) return [compiled.pattern];
    note([...path, 'matches', ...(typeof matches === 'string' ? [] : [index])], compiled.problem);
    return [];
  });
  return { equals: words(equals, 'equals'), contains: words(contains, 'contains'), matches: expressions };
}

/** Or what is wrong with it. */
function expression(source: string): { pattern: RE2JS } | { problem: InEachLanguage } {
  try {
    return { pattern: RE2JS.compile(source) };
  } catch (error) {
    const why = describeError(error);
    return { problem: say(`is no regular expression of RE2: ${why}`, `不是 RE2 的正则表达式：${why}`) };
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
        note(
          [...path, 'hours', ...at],
          say('begins when it ends; for the whole day leave hours out', '起止时间相同；全天请不要写 hours'),
        );
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
    note(path, say(`"${name}" is no time zone`, `“${name}”不是时区`));
    return defaultTimeZone;
  }
}

function list<T>(value: T | T[] | undefined): T[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value : [value];
}
