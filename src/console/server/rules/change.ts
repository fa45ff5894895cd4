import type { Pool } from '../../../db/pool.js';
import { type Language, say } from '../../../lib/language.js';
import type { ParsedRules } from '../../../replies/rules/parse.js';
import type { RuleVersion } from '../../contract/rules.js';
import { Refusal } from '../http/refusal.js';
import { asPerson } from '../http/transaction.js';
import { problemsIn } from './problems.js';
import { newestVersion } from './sets.js';

export interface RulesChange {
  name: string;
  text: string;
  parsed: ParsedRules;
  /** The version that the text was made from; null: there was none. */
  expected: string | null;
  note: string | null;
  /** Of the person, who is told what is wrong with the text. */
  language: Language;
}

/** @throws Refusal for a text with problems, and where another version is in force by now */
export function changeRules(pool: Pool, person: string, change: RulesChange): Promise<RuleVersion> {
  const { name, text, parsed, expected, note, language } = change;
  if (!parsed.ok)
    throw new Refusal(
      422,
      'bad_rules',
      say('The text has problems: nothing was changed', '内容有问题，没有保存'),
      { problems: problemsIn(language, parsed.problems) },
    );
  return asPerson(pool, person, async (client) => {
    const { rows } = await client.query<{ id: string | null }>(
      `select wechat.change_rules($1, $2, $3, $4, 'console') as id`,
      [name, text, expected, note],
    );
    const version = await newestVersion(client, name);
    if (!version || rows[0]?.id !== version.id) throw conflict(version);
    return version;
  });
}

function conflict(version: RuleVersion | undefined): Refusal {
  const words = version
    ? say(
        `Meanwhile ${version.by} saved version ${version.id}: nothing was changed`,
        `${version.by} 在此期间保存了第 ${version.id} 版，这次没有保存`,
      )
    : say('There is no version any more: nothing was changed', '已经没有版本了，这次没有保存');
  return new Refusal(409, 'conflict', words, { version: version ?? null });
}
