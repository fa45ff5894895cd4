import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Document, isMap, isNode, isPair, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { cannotBeRead, noYaml, ofSetting, saidByZod, withSubject } from '../../lib/file-problem.js';
import { type InEachLanguage, say } from '../../lib/language.js';
import { ToldError } from '../../lib/told-error.js';
import { type ModelFile, type ModelSettings, modelFile, type SecretReference } from './schema.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What is wrong with a file of a model, and where: line and column from 1, undefined for the whole file. */
export interface FileProblem {
  line: number | undefined;
  column: number | undefined;
  problem: InEachLanguage;
}

export class ModelFileError extends ToldError {
  readonly code = 'REPLIES';
  constructor(
    readonly file: string,
    readonly problems: readonly FileProblem[],
  ) {
    const inEnglish = problems.map(({ line, column, problem }) =>
      line === undefined ? problem.en : `line ${line}, column ${column}: ${problem.en}`,
    );
    const inChinese = problems.map(({ line, column, problem }) =>
      line === undefined ? problem['zh-CN'] : `第 ${line} 行第 ${column} 列：${problem['zh-CN']}`,
    );
    super(ofSetting(`REPLIES=model:${file}`, say(listed(inEnglish), listed(inChinese))));
    this.name = 'ModelFileError';
  }
}

function listed(lines: readonly string[]): string {
  return lines.length === 1 ? (lines[0] ?? '') : `\n${lines.map((line) => `  - ${line}`).join('\n')}`;
}

/**
 * Reads a file of a model, and the secrets and texts that it refers to. Paths in it are relative to it.
 *
 * @throws ModelFileError with every problem
 */
export function readModelFile(file: string, environment: Environment): ModelSettings {
  const fail = (...problems: FileProblem[]) => new ModelFileError(file, problems);
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  } catch (error) {
    throw fail({ line: undefined, column: undefined, problem: cannotBeRead(error) });
  }
  if (document.errors.length > 0) {
    throw fail(
      ...document.errors.map(({ linePos, message }) => ({
        line: linePos?.[0].line,
        column: linePos?.[0].col,
        problem: noYaml(message.split('\n')[0]?.replace(/ at line \d+.*$/, '') ?? 'is no YAML'),
      })),
    );
  }
  const problemAt = (at: readonly PropertyKey[], problem: InEachLanguage): FileProblem => {
    const offset = offsetOf(document, at);
    const place = offset === undefined ? undefined : lines.linePos(offset);
    return { line: place?.line, column: place?.col, problem };
  };
  const parsed = modelFile.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    throw fail(
      ...parsed.error.issues.map((issue) => {
        const { at, problem } = problemOf(issue, document.hasIn(issue.path));
        return problemAt(at, problem);
      }),
    );
  }
  return resolve(parsed.data, path.dirname(file), environment, (problems) => {
    if (problems.length > 0) throw fail(...problems.map(({ at, problem }) => problemAt(at, problem)));
  });
}

interface Located {
  at: readonly PropertyKey[];
  problem: InEachLanguage;
}

/** Replaces what the file refers to by what is there. */
function resolve(
  { apiKey, system, tools, continueNotice, ...rest }: ModelFile,
  directory: string,
  environment: Environment,
  check: (problems: readonly Located[]) => void,
): ModelSettings {
  const problems: Located[] = [];
  const readText = (name: string, at: readonly PropertyKey[]): string | undefined => {
    try {
      return readFileSync(path.resolve(directory, name), 'utf8').trim();
    } catch (error) {
      problems.push({ at, problem: withSubject(at.join('.'), cannotBeRead(error)) });
      return undefined;
    }
  };
  const readSecret = (reference: SecretReference | undefined, at: readonly PropertyKey[]) => {
    if (reference === undefined) return undefined;
    if ('file' in reference) return readText(reference.file, at);
    const value = environment[reference.env] || undefined;
    if (value === undefined)
      problems.push({
        at,
        problem: say(
          `${at.join('.')}: the environment has no ${reference.env}`,
          `${at.join('.')}：环境里没有变量 ${reference.env}`,
        ),
      });
    return value;
  };
  const settings: ModelSettings = {
    ...rest,
    apiKey: readSecret(apiKey, ['apiKey']),
    system: typeof system === 'object' ? readText(system.file, ['system']) : system,
    tools: tools.map((tool, index) => ({
      ...tool,
      secret: readSecret(tool.secret, ['tools', index, 'secret']),
    })),
    continueNotice: continueNotice ?? `（还有下文，回复“${rest.continueWords[0] ?? ''}”接着看）`,
  };
  const names = tools.map(({ name }) => name);
  names.forEach((name, index) => {
    if (names.indexOf(name) < index)
      problems.push({
        at: ['tools', index, 'name'],
        problem: say(`the tool ${name} is there twice`, `工具 ${name} 写了两次`),
      });
  });
  check(problems);
  return settings;
}

function problemOf(issue: z.core.$ZodIssue, isThere: boolean): Located {
  const where = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    return {
      at: [...issue.path, key],
      problem: withSubject(
        where,
        say(`has unknown entries: ${issue.keys.join(', ')}`, `里有不认识的项：${issue.keys.join('、')}`),
      ),
    };
  }
  if (!isThere && issue.path.length > 0)
    return { at: issue.path.slice(0, -1), problem: withSubject(where, say('is missing', '没有写')) };
  return { at: issue.path, problem: withSubject(where, saidByZod(issue.message)) };
}

/** Where the entry of this path begins: its key, or its value in a list; of the nearest one above where it is not there. */
function offsetOf(document: Document, at: readonly PropertyKey[]): number | undefined {
  for (let length = at.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(at.slice(0, length - 1), true);
    const last = at[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((one) => isPair(one) && String(one.key) === String(last));
      if (pair && isNode(pair.key) && pair.key.range) return pair.key.range[0];
    }
    const node = document.getIn(at.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return isNode(document.contents) ? document.contents.range?.[0] : undefined;
}
