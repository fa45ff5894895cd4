import type { Role } from '../../console/contract/rights.js';
import { asPerson, type Statements } from '../../console/server/http/transaction.js';
import { listSessions, sessionLimits } from '../../console/server/sign-in/sessions.js';
import {
  addUser,
  type ChangeResult,
  changeUser,
  findUser,
  listUsers,
  password as passwordRule,
  removeUser,
  signUserOut,
  type UserChange,
  userName,
} from '../../console/server/sign-in/users.js';
import type { Pool } from '../../db/pool.js';
import { operatorName } from '../database/operator-name.js';
import { withDatabase } from '../database/session.js';
import { readPassword } from '../terminal/ask-password.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { shortTime } from '../terminal/format.js';
import type { Json } from '../terminal/options.js';
import { print, printJson, printTable } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface PasswordFlags {
  passwordStdin?: boolean;
}

const asOperator = <T>(pool: Pool, run: (client: Statements) => Promise<T>) =>
  asPerson(pool, operatorName(), run);

export async function add(
  context: CommandContext,
  name: string,
  flags: PasswordFlags & { role: Role; displayName?: string; password: boolean },
): Promise<void> {
  const { user: words } = context.words.commands;
  if (!userName.safeParse(name).success) throw new UsageError(words.badName(name));
  if (flags.passwordStdin && !flags.password) throw new UsageError(words.notBoth);
  const password = flags.password ? await goodPassword(context, flags) : undefined;
  const user = { name, displayName: flags.displayName ?? name, role: flags.role, password };
  await withDatabase(context, async (pool) => {
    const result = await asOperator(pool, (client) => addUser(client, user));
    if (result === 'exists') throw new UsageError(words.exists(name));
    print(context, words.added(name, flags.role));
  });
}

async function goodPassword(
  context: CommandContext,
  { passwordStdin = false }: PasswordFlags,
): Promise<string> {
  const password = await readPassword(context, { fromStdin: passwordStdin });
  if (!passwordRule.safeParse(password).success)
    throw new UsageError(context.words.commands.user.badPassword);
  return password;
}

export async function list(context: CommandContext, { json = false }: Json): Promise<void> {
  const { columns, yes, no, none } = context.words.commands.user;
  await withDatabase(context, async (pool) => {
    const users = await listUsers(pool, sessionLimits);
    if (json) return printJson(context, users);
    if (users.length === 0) return print(context, none);
    const { name, displayName, role, password, state, sessions, seen } = columns;
    const titles = [name, displayName, role, password, state, sessions, seen].map((title) => ({ title }));
    const rows = users.map((user) => [
      user.name,
      user.displayName,
      user.role,
      user.hasPassword ? yes : no,
      user.disabled ? columns.disabled : columns.enabled,
      String(user.sessions),
      shortTime(user.lastSeenAt === null ? null : new Date(user.lastSeenAt)),
    ]);
    await printTable(context, titles, rows);
  });
}

export async function setPassword(
  context: CommandContext,
  name: string,
  flags: PasswordFlags,
): Promise<void> {
  await change(context, name, { password: await goodPassword(context, flags) });
}

export async function change(context: CommandContext, name: string, given: UserChange): Promise<void> {
  await withDatabase(context, async (pool) => {
    tell(context, name, await asOperator(pool, (client) => changeUser(client, name, given)));
  });
}

export async function remove(
  context: CommandContext,
  name: string,
  { yes = false }: { yes?: boolean },
): Promise<void> {
  const question = context.words.commands.user.question(name);
  if (!(await confirm(context, question, { yes }))) return print(context, context.words.terminal.unchanged);
  await withDatabase(context, async (pool) => {
    tell(context, name, await asOperator(pool, (client) => removeUser(client, name)));
  });
}

function tell(context: CommandContext, name: string, result: ChangeResult): void {
  const { user: words } = context.words.commands;
  if (result === 'not_found') throw new UsageError(words.nobody(name));
  if (result === 'last_admin') throw new UsageError(words.lastAdmin);
  print(context, words.done(name));
}

export async function sessions(
  context: CommandContext,
  name: string,
  { revoke = false, json = false }: Json & { revoke?: boolean },
): Promise<void> {
  const { user: words } = context.words.commands;
  await withDatabase(context, async (pool) => {
    if (revoke) {
      const ended = await asOperator(pool, (client) => signUserOut(client, name));
      return json ? printJson(context, { user: name, ended }) : print(context, words.ended(name, ended));
    }
    const found = await listSessions(pool, sessionLimits, name);
    if (found.length === 0 && !(await findUser(pool, name))) throw new UsageError(words.nobody(name));
    if (json) return printJson(context, found);
    const { via, address, since, seen } = words.columns;
    const rows = found.map((one) => [one.via, one.address, shortTime(one.createdAt), shortTime(one.seenAt)]);
    await printTable(
      context,
      [via, address, since, seen].map((title) => ({ title })),
      rows,
    );
  });
}
