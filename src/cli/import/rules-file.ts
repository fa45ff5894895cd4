import { Document, isMap, isScalar, isSeq, type Node } from 'yaml';
import { fold } from '../../replies/rules/fold.js';
import type { ConsoleCondition, ConsoleReplies } from './console-replies.js';
import type { ImportFiles } from './files.js';
import { type ImportWords, translate } from './translate.js';

export interface ImportedRules {
  /** YAML. */
  content: string;
  rules: number;
  /** What cannot be had, each as the file names it. */
  missing: readonly string[];
}

/** A rule as it is written; without a value, what is said in its place. */
interface Entry {
  value?: { name: string; when: unknown; answer: unknown };
  comments: readonly string[];
}

interface Parts {
  entries: Entry[];
  fallback: { answer: unknown; comments: readonly string[] } | undefined;
  missing: string[];
}

/** Writes what the console answers as rules, in its order. */
export async function writeRulesFile(
  { rules, isOff }: ConsoleReplies,
  { appId, files, words }: { appId: string; files: ImportFiles; words: ImportWords },
): Promise<ImportedRules> {
  const parts: Parts = { entries: [], fallback: undefined, missing: [] };
  const names = new Set<string>();
  for (const { condition, ...rule } of rules) {
    const { answer, notes, missing } = await translate(rule, files, words);
    const comments = [...notes, ...missing];
    parts.missing.push(...missing);
    if (condition.kind === 'default') {
      parts.fallback = { answer, comments: [words.oncePerHour, ...comments] };
      continue;
    }
    const name = nameOf(condition, words);
    const when = whenOf(condition);
    const lost = answer === undefined ? words.missing.rule(name) : words.missing.keywords(name);
    if (when === undefined || answer === undefined) {
      parts.missing.push(...(missing.length > 0 && when ? [] : [lost]));
      parts.entries.push({ comments: [lost, ...comments] });
    } else {
      parts.entries.push({ value: { name: unique(name, names), when, answer }, comments });
    }
  }
  const heading = [words.heading(appId), ...(isOff ? [words.off] : [])];
  const written = parts.entries.filter(({ value }) => value).length;
  const hasDefault = parts.fallback?.answer !== undefined;
  return {
    content: toYaml(heading, parts),
    rules: written + (hasDefault ? 1 : 0),
    missing: parts.missing,
  };
}

function nameOf(condition: Exclude<ConsoleCondition, { kind: 'default' }>, words: ImportWords): string {
  if (condition.kind === 'subscribe') return words.subscribe;
  return condition.kind === 'click' ? words.click(condition.name) : condition.name;
}

/** A rule's name is its own, and not long. */
function unique(name: string, names: Set<string>): string {
  const short = name.slice(0, 90);
  let free = short;
  for (let count = 2; names.has(free); count += 1) free = `${short} (${count})`;
  names.add(free);
  return free;
}

function whenOf(condition: ConsoleCondition): unknown {
  if (condition.kind === 'subscribe') return { event: condition.kind };
  if (condition.kind === 'click') return { click: condition.key };
  if (condition.kind === 'default') return undefined;
  const [equals, contains] = [condition.equals, condition.contains].map((words) =>
    words.filter((word) => fold(word) !== ''),
  );
  const keyword = { ...listed('equals', equals), ...listed('contains', contains) };
  return Object.keys(keyword).length > 0 ? { keyword } : undefined;
}

function listed(name: string, words: readonly string[] = []): { [name: string]: unknown } {
  if (words.length === 0) return {};
  return { [name]: words.length === 1 ? words[0] : words };
}

function toYaml(heading: readonly string[], { entries, fallback }: Parts): string {
  const rules = entries.flatMap(({ value }) => value ?? []);
  const answer = fallback?.answer;
  const document = new Document({ rules, ...(answer === undefined ? {} : { default: answer }) });
  document.commentBefore = toComment(heading);
  const nodes = document.getIn(['rules'], true);
  const items = isSeq(nodes) ? (nodes.items as Node[]) : [];
  // What stands for no rule stands above the next one.
  let waiting: string[] = [];
  let place = 0;
  for (const { value, comments } of entries) {
    waiting.push(...comments);
    if (!value) continue;
    const item = items[place];
    if (item && waiting.length > 0) item.commentBefore = toComment(waiting);
    waiting = [];
    place += 1;
  }
  const ofDefault = fallback?.comments ?? [];
  const key = keyOf(document, 'default');
  if (key) key.commentBefore = toComment([...waiting, ...ofDefault]);
  else if (waiting.length + ofDefault.length > 0) document.comment = toComment([...waiting, ...ofDefault]);
  return document.toString({ lineWidth: 0 });
}

function keyOf({ contents }: Document, name: string): Node | undefined {
  if (!isMap(contents)) return undefined;
  const key = contents.items.map((pair) => pair.key).find((one) => isScalar(one) && one.value === name);
  return isScalar(key) ? key : undefined;
}

/** A line each, whatever it quotes. */
function toComment(lines: readonly string[]): string {
  return lines.map((line) => ` ${line.replace(/\s+/g, ' ')}`).join('\n');
}
