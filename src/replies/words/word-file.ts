import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
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
  readonly message: string;
}

export type WordFileResult =
  | { ok: true; categories: readonly WordCategory[] }
  | { ok: false; problems: readonly WordFileProblem[] };

const text = (most: number) =>
  z
    .string({ error: 'must be a text' })
    .refine((value) => value.trim() !== '', 'is empty')
    .refine((value) => value.length <= most, `has more than ${most} characters`);

const word = text(100).refine((value) => fold(value).text !== '', 'has nothing that shows');

const category = z.strictObject(
  {
    action: z.enum(['refuse', 'mask', 'handOver'], { error: 'must be refuse, mask or handOver' }),
    words: z.array(word, { error: 'must be a list of words' }).min(1, 'must name one word at least'),
    reply: text(600).optional(),
    inbound: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must have action and words' : undefined) },
);

const file = z.strictObject(
  { categories: z.record(text(64), category, { error: 'must be the categories, by their names' }) },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must have categories' : undefined) },
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
      problems: document.errors.map(({ pos, message }) => ({ ...place(pos[0]), message })),
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
        message: `${subject} has no field ${key}`.trimStart(),
      }));
    const [inner] = issue.code === 'invalid_key' ? issue.issues : [];
    return [{ ...where(), message: `${subject} ${inner?.message ?? issue.message}`.trimStart() }];
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
