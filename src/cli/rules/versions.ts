import type { Pool } from '../../db/pool.js';
import { type Deed, messageOf, tryOut } from '../../replies/rules/try-out.js';
import {
  changeRules,
  listNames,
  listVersions,
  type RulesVersion,
  readInForce,
  readVersion,
} from '../../replies/rules/versions.js';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { shortTime } from '../terminal/format.js';
import type { Json } from '../terminal/options.js';
import { print, printJson, printTable } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';
import { readText, rulesIn } from './files.js';
import { namesOfRules } from './of-replies.js';
import { type NamedTryOut, tell, tellJson } from './tell.js';

interface Named {
  name?: string;
}

interface TestFlags extends Json, Named, Partial<Omit<Deed, 'text'>> {
  account?: string;
  file?: string;
  all?: boolean;
}

export async function test(
  context: CommandContext,
  text: string | undefined,
  { json = false, all = false, ...flags }: TestFlags,
): Promise<void> {
  const { words, environment } = context;
  const { event, click, scan, type, openid = 'oTest', at = new Date() } = flags;
  const said = [text, event, click, scan, type].some((one) => one !== undefined);
  const isBoth = text !== undefined && [event, click, scan].some((one) => one !== undefined);
  if (!said || isBoth || (click !== undefined && scan !== undefined))
    throw new UsageError(words.commands.rules.sayWhat);
  const message = messageOf({ text, event, click, scan, type, openid, at });
  if (!message) throw new UsageError(words.commands.rules.sayWhat);
  const { WECHAT_APP_ID, WECHAT_ACCOUNT_NAME } = environment();
  const account = {
    appId: flags.account ?? WECHAT_APP_ID ?? '',
    name: WECHAT_ACCOUNT_NAME ?? words.commands.rules.thisAccount,
  };
  const { file } = flags;
  const sets =
    file === undefined
      ? await withDatabase(context, (pool) => setsInForce(context, pool, flags))
      : [{ name: file, text: readText(context, file) }];
  const results: NamedTryOut[] = [];
  for (const { name, text } of sets) {
    results.push({ name, ...tryOut(rulesIn(context, text, name), message, account) });
    if (results.at(-1)?.answered) break;
  }
  if (json) printJson(context, tellJson(results));
  else print(context, tell(results, words.commands.rules, { all }));
  if (!results.at(-1)?.answered) context.setExitCode(1);
}

/** Where several are in force and none is named: those of REPLIES, in the order in which they are asked. */
async function setsInForce(
  context: CommandContext,
  pool: Pool,
  { name, account }: Named & { account?: string },
): Promise<readonly RulesVersion[]> {
  const names = name === undefined ? await listNames(pool) : [];
  const asked = names.length > 1 ? namesOfRules(context, account).filter((one) => names.includes(one)) : [];
  if (asked.length === 0) return [await inForce(context, pool, name === undefined ? {} : { name })];
  const versions = await Promise.all(asked.map((one) => readInForce(pool, one)));
  return versions.filter((version) => version !== undefined);
}

export async function show(
  context: CommandContext,
  id: string | undefined,
  { json = false, ...flags }: Json & Named,
): Promise<void> {
  await withDatabase(context, async (pool) => {
    const version = id === undefined ? await inForce(context, pool, flags) : await one(context, pool, id);
    if (json) printJson(context, version);
    else print(context, version.text.trimEnd());
  });
}

export async function versions(
  context: CommandContext,
  { json = false, limit, ...flags }: Json & Named & { limit: number },
): Promise<void> {
  const { columns, inForce: inForceWord } = context.words.commands.rules;
  await withDatabase(context, async (pool) => {
    const name = await nameOf(context, pool, flags);
    const all = await listVersions(pool, { name, limit });
    if (json)
      return printJson(
        context,
        all.map(({ text: _text, ...version }) => version),
      );
    await printTable(
      context,
      [
        ...[{ title: columns.id, align: 'right' as const }, { title: columns.at }, { title: columns.origin }],
        ...[
          { title: columns.operator, flexible: true },
          { title: columns.note, flexible: true },
        ],
        { title: '' },
      ],
      all.map(({ id, createdAt, origin, operator, note }, index) => [
        ...[id, shortTime(createdAt), origin, operator, note ?? '', index === 0 ? inForceWord : ''],
      ]),
    );
  });
}

export async function restore(
  context: CommandContext,
  id: string,
  { json = false, note }: Json & { note?: string },
): Promise<void> {
  const words = context.words.commands.rules;
  await withDatabase(context, async (pool) => {
    const { name, text } = await one(context, pool, id);
    // What an earlier version of this program took may be wrong for this one.
    rulesIn(context, text, name);
    const expectedId = (await readInForce(pool, name))?.id ?? '0';
    const change = { name, text, expectedId, note: note ?? words.restoredNote(id), origin: 'cli' as const };
    const version = await changeRules(pool, change);
    if (version === undefined) throw new UsageError(words.changedMeanwhile(name));
    if (json) printJson(context, { name, restored: id, version });
    else print(context, words.restored(name, id, version));
  });
}

async function one({ words }: CommandContext, pool: Pool, id: string): Promise<RulesVersion> {
  const version = await readVersion(pool, id);
  if (!version) throw new UsageError(words.commands.rules.noVersion(id));
  return version;
}

async function inForce(context: CommandContext, pool: Pool, flags: Named): Promise<RulesVersion> {
  const name = await nameOf(context, pool, flags);
  const version = await readInForce(pool, name);
  if (!version) throw new UsageError(context.words.commands.rules.noName(name));
  return version;
}

async function nameOf({ words }: CommandContext, pool: Pool, { name }: Named): Promise<string> {
  const { none, noName, sayWhich } = words.commands.rules;
  const names = await listNames(pool);
  if (name !== undefined) {
    if (!names.includes(name)) throw new UsageError(noName(name));
    return name;
  }
  const [only, ...others] = names;
  if (only === undefined) throw new UsageError(none);
  if (others.length > 0) throw new UsageError(sayWhich(names.join(', ')));
  return only;
}
