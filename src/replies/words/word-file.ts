import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { noYaml, saidByZod, withSubject } from '../../lib/file-problem.js';
import { both, type InEachLanguage, say } from '../../lib/language.js';
import { fold } from './fold.js';

/** What becomes of an answer in which words of a category stand. */
export type WordAction = 'refuse' | 'mask' | 'handOver';

export interface WordCategory {
  readonly name: string;
  readonly action: WordAction;
  readonly words: readonly string[];
  /** What the user gets instead of the answer; undefined: nothing. */
  readonly reply: string | undefined;
  /** Looked for in what users write as well. */
  readonly inbound: boolean;
}

/** What is wrong with the file, and where: line and column from 1. */
export interface WordFileProblem {
  readonly line: number;
  readonly column: number;
  readonly text: InEachLanguage;
}

export type WordFileResult =
  | { ok: true; categories: readonly WordCategory[] }
  | { ok: false; problems: readonly WordFileProblem[] };

const text = (most: number) =>
  z
    .string({ error: both('must be a text', '应是文字') })
    .refine((value) => value.trim() !== '', both('is empty', '是空的'))
    .refine((value) => value.length <= most, both(`has more than ${most} characters`, `超过 ${most} 个字符`));

const word = text(100).refine(
  (value) => fold(value).text !== '',
  both('has nothing that shows', '没有看得见的字'),
);

const category = z.strictObject(
  {
    action: z.enum(['refuse', 'mask', 'handOver'], {
      error: both('must be refuse, mask or handOver', '应是 refuse、mask 或 handOver'),
    }),
    words: z
      .array(word, { error: both('must be a list of words', '应是词的列表') })
      .min(1, both('must name one word at least', '至少要有一个词')),
    reply: text(600).optional(),
    inbound: z
      .enum(['true', 'false'], { error: both('must be true or false', '应是 true 或 false') })
      .optional(),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? both('must have action and words', '应有 action 和 words') : undefined,
  },
);

const file = z.strictObject(
  {
    categories: z.record(text(64), category, {
      error: both('must be the categories, by their names', '应是各个类别，以名称为键'),
    }),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? both('must have categories', '应有 categories') : undefined,
  },
);

/** Reads a word list: YAML, in which everything is text as it was written (110 is a word, too). Pure. */
export function readWordFile(source: string): WordFileResult {
  const lines = new LineCounter();
  const document = parseDocument(source, { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (document.errors.length > 0)
    return {
      ok: false,
      problems: document.errors.map(({ pos, message }) => ({
        ...place(pos[0]),
        text: noYaml(message),
      })),
    };

  const parsed = file.safeParse(document.toJS({ maxAliasCount: 100 }) ?? undefined);
  if (parsed.success) {
    const categories = Object.entries(parsed.data.categories).map(
      ([name, { action, words, reply, inbound }]): WordCategory => ({
        ...{ name, action, words, reply, inbound: inbound === 'true' },
      }),
    );
    return { ok: true, categories };
  }
  const problems = parsed.error.issues.flatMap((issue) => {
    const where = (key?: string) => place(offsetOf(document.contents, issue.path, key));
    const subject = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        ...where(key),
        text: withSubject(subject, say(`has no field ${key}`, `里没有“${key}”这一项`)),
      }));
    const [inner] = issue.code === 'invalid_key' ? issue.issues : [];
    const problem = inner?.message ?? issue.message;
    return [{ ...where(), text: withSubject(subject, saidByZod(problem)) }];
  });
  return { ok: false, problems };
}

/** Of what is missing: where it should stand. */
function offsetOf(contents: unknown, path: readonly PropertyKey[], key: string | undefined): number {
  let node = contents;
  let offset = rangeOf(node);
  for (const part of key === undefined ? path : [...path, key]) {
    const inner = entryOf(node, part);
    if (!inner) break;
    node = inner.value;
    offset = inner.offset;
  }
  return offset;
}

function entryOf(node: unknown, part: PropertyKey): { value: unknown; offset: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
    return pair && { value: pair.value, offset: rangeOf(pair.key) };
  }
  const items = (node as { items?: readonly unknown[] } | null)?.items;
  const value = typeof part === 'number' ? items?.[part] : undefined;
  return value === undefined ? undefined : { value, offset: rangeOf(value) };
}

function rangeOf(node: unknown): number {
  return (node as { range?: readonly [number, number, number] | null } | null)?.range?.[0] ?? 0;
}
