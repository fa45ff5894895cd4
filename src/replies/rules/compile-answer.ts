import type { RE2JS } from 're2js';
import { say as inBoth } from '../../lib/language.js';
import type { Reply } from '../../wechat/out/reply.js';
import type { Note, Path } from './places.js';
import type { LeftTo, NamedSource, RuleAnswer, Said } from './rules.js';
import type { AnswerShape, SayingShape } from './shapes.js';
import { hasFields, isField, namesIn } from './template.js';

export interface AnswerScope {
  path: Path;
  /** The expressions whose groups a text may use. */
  groups: readonly RE2JS[];
  /** Of the rule. */
  accounts: readonly string[] | undefined;
  sources: LeftTo[];
  note: Note;
}

/** What an answer means; that the fields it uses are some is checked here. */
export function compileAnswer(shape: AnswerShape, scope: AnswerScope): RuleAnswer {
  if (typeof shape === 'object' && 'oneOf' in shape) {
    return {
      kind: 'oneOf',
      answers: shape.oneOf.map((one, index) =>
        compileAnswer(one, { ...scope, path: [...scope.path, 'oneOf', index] }),
      ),
    };
  }
  const source = sourceIn(shape);
  if (!source) return { kind: 'say', said: say(shape as SayingShape, scope) };
  if (source.kind === 'http' && !URL.canParse(source.url))
    scope.note([...scope.path, 'http'], inBoth('is no URL', '不是网址'));
  scope.sources.push({ source, accounts: scope.accounts });
  return { kind: 'source', source };
}

function sourceIn(shape: AnswerShape): NamedSource | undefined {
  if (typeof shape === 'string' || Array.isArray(shape)) return undefined;
  if ('http' in shape) return { kind: 'http', url: shape.http };
  return 'llm' in shape ? { kind: 'llm', file: shape.llm } : undefined;
}

function say(shape: SayingShape, { path, groups, note }: AnswerScope): Said[] {
  const several = Array.isArray(shape) ? shape : [shape];
  return several.map((one, index): Said => {
    const at = Array.isArray(shape) ? [...path, index] : path;
    checkFields(one, { path: at, groups, note });
    if (typeof one !== 'string' && 'handOver' in one) return { kind: 'handOver', reason: one.handOver };
    const reply: Reply = typeof one === 'string' ? { type: 'text', content: one } : one;
    return { kind: 'reply', reply, hasFields: stringsIn(reply, []).some(({ text }) => hasFields(text)) };
  });
}

/** Names a file or an id at WeChat: the words of a user have no place there. */
const fixed: readonly PropertyKey[] = [
  'media',
  'thumb',
  'mediaId',
  'articleId',
  'cardId',
  'appId',
  'kfAccount',
  'id',
];

function checkFields(
  value: unknown,
  { path, groups, note }: Pick<AnswerScope, 'path' | 'groups' | 'note'>,
): void {
  for (const { text, path: inner } of stringsIn(value, [])) {
    const names = namesIn(text);
    if (names.length > 0 && inner.some((part) => fixed.includes(part)))
      note([...path, ...inner], inBoth('may not use fields of the message', '这里不能用消息的字段'));
    for (const name of names) {
      if (!isField(name))
        note(
          [...path, ...inner],
          inBoth(
            `uses {{${name}}}, which is no field; \\{{ is for two braces`,
            `用了 {{${name}}}，没有这个字段；要写两个花括号请用 \\{{`,
          ),
        );
      else if (name.startsWith('match.') && !groups.some((one) => hasGroup(one, name.slice('match.'.length))))
        note(
          [...path, ...inner],
          inBoth(
            `uses {{${name}}}, and no expression of the rule has such a group`,
            `用了 {{${name}}}，但这条规则的表达式里没有这一组`,
          ),
        );
    }
  }
}

function hasGroup(pattern: RE2JS, group: string): boolean {
  if (/^\d+$/.test(group)) return Number(group) <= pattern.groupCount();
  return Object.hasOwn(pattern.namedGroups(), group);
}

function stringsIn(value: unknown, path: Path): { text: string; path: Path }[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (typeof value !== 'object' || value === null) return [];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([name, inner]) =>
    stringsIn(inner, [...path, isList ? Number(name) : name]),
  );
}
