import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { z } from 'zod';
import { describeError } from '../../lib/describe-error.js';
import { noYaml, saidByZod, withSubject } from '../../lib/file-problem.js';
import { type InEachLanguage, say } from '../../lib/language.js';

/** What is wrong with a file, and where: line and column count from 1. */
export interface RulesProblem {
  readonly line: number;
  readonly column: number;
  readonly text: InEachLanguage;
}

export type Path = readonly PropertyKey[];

/** Notes what is wrong with the value at this path: a sentence without its subject. */
export type Note = (path: Path, problem: InEachLanguage) => void;

/** A YAML file as plain values, which still knows where each of them stands. */
export interface PlacedFile {
  readonly content: unknown;
  readonly problems: readonly RulesProblem[];
  /** @param key the place of this key in the map at `path` instead of its value's */
  placeOf(path: Path, key?: string): { line: number; column: number };
}

/** Numbers stay text as it was written (keywords, keys and scenes may begin with 0), but for these fields. */
const numbers: readonly unknown[] = ['priority', 'chance'];

export function readPlaced(text: string): PlacedFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems = document.errors.map(({ pos, message }) => ({ ...place(pos[0]), text: noYaml(message) }));
  keepAsWritten(document);
  let content: unknown;
  try {
    // More aliases than that are no file of a person's.
    content = problems.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    problems.push({ line: 1, column: 1, text: noYaml(describeError(error)) });
  }
  const placeOf = (path: Path, key?: string) => {
    const node = key === undefined ? undefined : keyNode(nodeAt(document, path), key);
    return place((node ?? closestNode(document, path))?.range?.[0] ?? 0);
  };
  return { content, problems, placeOf };
}

function keepAsWritten(document: Document): void {
  visit(document, {
    Scalar(_key, node, ancestors) {
      if (typeof node.value !== 'number' && typeof node.value !== 'boolean') return;
      const pair = ancestors.at(-1);
      const name = pair && 'key' in pair && isScalar(pair.key) ? pair.key.value : undefined;
      if (!numbers.includes(name) && node.source !== undefined) node.value = node.source;
    },
  });
}

/** What is missing has no place of its own: that of what it is missing in. */
function closestNode(document: Document, path: Path): Node | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node = nodeAt(document, path.slice(0, length));
    if (node) return node;
  }
  return undefined;
}

function nodeAt(document: Document, path: Path): Node | undefined {
  let node = resolved(document, document.contents);
  for (const part of path) {
    if (isMap(node)) {
      node = resolved(document, node.get(part, true));
    } else if (isSeq(node)) {
      node = resolved(document, node.get(part, true));
    } else {
      return undefined;
    }
  }
  return node;
}

function resolved(document: Document, node: unknown): Node | undefined {
  if (isAlias(node)) return node.resolve(document);
  return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
}

function keyNode(node: Node | undefined, key: string): Node | undefined {
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return isScalar(pair?.key) ? pair.key : undefined;
}

/** The problems that zod found, each where it is, in words about that place. */
export function problemsOf(error: z.ZodError, file: PlacedFile): RulesProblem[] {
  return telling(error.issues).flatMap((issue) => placed(issue, [], file));
}

function placed(issue: z.core.$ZodIssue, base: Path, file: PlacedFile): RulesProblem[] {
  const path = [...base, ...issue.path];
  if (isMissing(issue)) return [{ ...file.placeOf(path), text: told(path, say('is missing', '没有写')) }];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return telling(closest(issue.errors)).flatMap((inner) => placed(inner, path, file));
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...file.placeOf(path, key),
      text: told(path, say(`has no field "${key}"`, `里没有“${key}”这一项`)),
    }));
  }
  return [{ ...file.placeOf(path), text: told(path, wording(issue)) }];
}

/** Of the forms that a value might have had, the one that it came closest to: fewest fields wrong. */
function closest(errors: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] {
  const [first = [], ...others] = errors;
  return others.reduce((best, one) => (distance(one) < distance(best) ? one : best), first);
}

function distance(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => {
    if (issue.code === 'unrecognized_keys') return sum + 2 * issue.keys.length;
    // Of another kind as a whole.
    if (issue.path.length === 0 && issue.code === 'invalid_type') return sum + 100;
    if (issue.code !== 'invalid_union' || isMissing(issue)) return sum + 1;
    // No such `type`.
    if (issue.errors.length === 0) return sum + 4;
    const inner = distance(closest(issue.errors));
    // One field that is wrong, however wrong it is.
    return sum + (issue.path.length === 0 ? inner : Math.min(inner, 3));
  }, 0);
}

/** YAML has no undefined. */
function isMissing({ code, input }: z.core.$ZodIssue): boolean {
  return input === undefined && (code === 'invalid_type' || code === 'invalid_union');
}

/** Where a field has a wrong name, it is no wonder that the right one is missed. */
function telling(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const misnamed = issues.flatMap(({ code, path }) => (code === 'unrecognized_keys' ? [path.join('.')] : []));
  return issues.filter(({ code, path }) => code !== 'custom' || !misnamed.includes(path.join('.')));
}

const kinds: Readonly<Record<string, InEachLanguage>> = {
  object: say('fields', '由若干项组成的对象'),
  array: say('a list', '列表'),
  string: say('text', '文字'),
  number: say('a number', '数字'),
};

function wording(issue: z.core.$ZodIssue): InEachLanguage {
  if (issue.code !== 'invalid_type' || !/^Invalid input/.test(issue.message)) return saidByZod(issue.message);
  const kind = kinds[issue.expected] ?? say(issue.expected, issue.expected);
  return say(`must be ${kind.en}`, `应是${kind['zh-CN']}`);
}

/** `rules[0].when.hours` */
function nameOf(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

/** A problem with its subject. */
export function told(path: Path, problem: InEachLanguage): InEachLanguage {
  return withSubject(nameOf(path), problem);
}
