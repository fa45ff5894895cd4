import { readFile, stat } from 'node:fs/promises';
import { describeError } from '../../lib/describe-error.js';
import { cannotBeRead, ofSetting } from '../../lib/file-problem.js';
import { type InEachLanguage, type Language, say } from '../../lib/language.js';
import { repeat } from '../../lib/repeat.js';
import { ToldError } from '../../lib/told-error.js';
import type { Logger } from '../../observe/log.js';
import type { CurrentWords } from './check-words.js';
import { readWordFile } from './word-file.js';
import { createWordList, type WordList } from './word-list.js';

/** WORDS_FILE cannot be used: says where it is wrong. */
export class WordsFileError extends ToldError {
  readonly code = 'WORDS';
  constructor(file: string, problem: InEachLanguage) {
    super(ofSetting(`WORDS_FILE=${file}`, problem));
    this.name = 'WordsFileError';
  }
}

/** A word list that follows its file. */
export interface Words {
  readonly current: CurrentWords;
  /** From now on changes of the file are seen, within a second or so. */
  watch(log: Logger): { stop(): Promise<void> };
}

/** How often the file is looked at; a notice of the system would not come over every kind of mount. */
const lookEveryMs = 1_000;

/** @throws WordsFileError */
export async function loadWords(file: string): Promise<Words> {
  let seen = await versionOf(file);
  let list = await read(file);

  async function look(log: Logger): Promise<void> {
    const version = await versionOf(file);
    if (version === seen) return;
    seen = version;
    try {
      list = await read(file);
      log.info({ event: 'words_loaded', file, ...sizesOf(list) }, 'word list loaded');
    } catch (error) {
      log.error(
        { event: 'words_refused', file, error: describeError(error) },
        'the word list cannot be used: what was loaded before holds on',
      );
    }
  }

  return {
    current: () => list,
    watch: (log) =>
      repeat({
        pauseMs: lookEveryMs,
        round: () => look(log),
        onError: (error) => log.error({ event: 'words_refused', file, error: describeError(error) }),
        random: Math.random,
      }),
  };
}

async function read(file: string): Promise<WordList> {
  let source: string;
  try {
    source = await readFile(file, 'utf8');
  } catch (error) {
    throw new WordsFileError(file, cannotBeRead(error));
  }
  const result = readWordFile(source);
  if (result.ok) return createWordList(result.categories);
  const listed = (language: Language) =>
    result.problems.map(({ line, column, text }) => `${line}:${column} ${text[language]}`).join('; ');
  throw new WordsFileError(file, say(listed('en'), listed('zh-CN')));
}

/** Another one for each change of the file; one that is gone is a change, too. */
async function versionOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'gone';
  }
}

function sizesOf({ categories }: WordList): { categories: number; words: number } {
  return {
    categories: categories.length,
    words: categories.reduce((sum, { words }) => sum + words.length, 0),
  };
}
