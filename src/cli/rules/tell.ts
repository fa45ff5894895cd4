import type { Unmet } from '../../replies/rules/conditions.js';
import type { Rule } from '../../replies/rules/rules.js';
import type { Saying } from '../../replies/rules/say.js';
import type { Subject } from '../../replies/rules/subject.js';
import type { TryOut } from '../../replies/rules/try-out.js';
import type { Reply } from '../../wechat/out/reply.js';
import type { Words } from '../words/index.js';

type RuleWords = Words['commands']['rules'];

/** Of those that did not apply; the last ones came closest to their turn. */
const shownOfThem = 20;

/** Of the rules of this name. */
export interface NamedTryOut extends TryOut {
  readonly name: string;
}

/** @param results of rules that were asked one after another: all but the last do not answer */
export function tell(results: readonly NamedTryOut[], words: RuleWords, { all }: { all: boolean }): string {
  if (results.length > 1)
    return results.map((one) => `${one.name}\n${tellOne(one, words, { all })}`).join('\n\n');
  const [only] = results;
  return only ? tellOne(only, words, { all }) : words.noAnswer;
}

function tellOne(
  { passedOver, answered, subject }: TryOut,
  words: RuleWords,
  { all }: { all: boolean },
): string {
  const hidden = all ? 0 : Math.max(0, passedOver.length - shownOfThem);
  const lines = passedOver
    .slice(hidden)
    .map(
      ({ rule, unmet }) =>
        `✗ ${words.place(rule.name, rule.line)}: ${whyNot(rule, unmet, { subject, words })}`,
    );
  if (hidden > 0) lines.unshift(words.hidden(hidden));
  if (!answered) return [...lines, words.noAnswer].join('\n');
  const { name, line, saying } = answered;
  const place = line === undefined ? words.byDefault : words.place(name, line);
  return [...lines, `✓ ${place}`, ...sayingLines(saying, words).map((text) => `  ${text}`)].join('\n');
}

export function tellJson(results: readonly NamedTryOut[]): unknown {
  const last = results.at(-1);
  const { answered } = last ?? {};
  return {
    file: answered ? (last?.name ?? null) : null,
    rule: answered?.name ?? null,
    line: answered?.line ?? null,
    answer: answered?.saying ?? null,
    before: results.flatMap(({ name: file, passedOver }) =>
      passedOver.map(({ rule: { name, line }, unmet }) => ({ file, rule: name, line, unmet })),
    ),
  };
}

function whyNot(
  { when }: Rule,
  unmet: Unmet,
  { subject, words }: { subject: Subject; words: RuleWords },
): string {
  const { unmet: reasons } = words;
  if (unmet !== 'time' || !when.time) return unmet === 'time' ? '' : reasons[unmet];
  const { timeZone } = when.time;
  const { minute, weekday } = subject.localTime(timeZone);
  const clock = `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
  return words.unmetTime(words.weekdays[weekday] ?? '', clock, timeZone);
}

function sayingLines(saying: Saying, words: RuleWords): string[] {
  if (saying.kind === 'source') {
    const { source } = saying;
    return [words.leftTo(source.kind === 'http' ? source.url : source.file)];
  }
  const lines = saying.replies.map(inOneLine);
  if (saying.handOver !== undefined) lines.push(words.handsOver(saying.handOver));
  return lines.length === 0 ? [words.silence] : lines;
}

function inOneLine(reply: Reply): string {
  if (reply.type === 'text') return `text: ${reply.content.replaceAll('\n', ' ⏎ ')}`;
  const { type, ...rest } = reply;
  return `${type}: ${JSON.stringify(rest)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
