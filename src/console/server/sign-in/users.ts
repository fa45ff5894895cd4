import { z } from 'zod';
import { roles as allRoles, type Role } from '../../contract/rights.js';
import { shortestPassword, type UserView } from '../../contract/session.js';
import type { Statements } from '../http/transaction.js';
import { hashPassword, longestPassword } from './password.js';
import { endSessions, type SessionLimits } from './sessions.js';

/** The rules of users, for the routes and for the command line. Each change is one of a transaction (`asPerson`). */

/** Printable, and no blanks around it: it stands in logs and tables. */
export const userName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{C}\s](?:[^\p{C}]*[^\p{C}\s])?$/u, 'must be printable, without blanks around it');

export const password = z.string().min(shortestPassword).max(longestPassword);

export const role = z.enum(allRoles);

export interface NewUser {
  name: string;
  displayName: string;
  role: Role;
  /** Undefined: they sign in another way. */
  password: string | undefined;
  identity?: string;
}

export interface UserChange {
  displayName?: string | undefined;
  role?: Role | undefined;
  password?: string | undefined;
  disabled?: boolean | undefined;
}

export type ChangeResult = 'done' | 'not_found' | 'last_admin';

export interface UserRow {
  name: string;
  password: string | null;
  disabled: boolean;
  role: Role;
  identity: string | null;
}

export async function findUser(statements: Statements, name: string): Promise<UserRow | undefined> {
  const { rows } = await statements.query<UserRow>(
    'select name, password, disabled, role, identity from wechat.console_user where name = $1',
    [name],
  );
  return rows[0];
}

/** @param name of one user; undefined: all, by name */
export async function listUsers(
  statements: Statements,
  { idleSeconds }: Pick<SessionLimits, 'idleSeconds'>,
  name?: string,
): Promise<UserView[]> {
  const { rows } = await statements.query<UserView & { createdAt: Date; lastSeenAt: Date | null }>(
    `select u.name, u.display_name as "displayName", u.role, u.password is not null as "hasPassword", u.disabled,
       u.created_at as "createdAt", u.last_seen_at as "lastSeenAt",
       (select count(*)::int from wechat.console_session s
        where s.user_name = u.name and s.ends_at > now() and s.seen_at > now() - make_interval(secs => $1)) as sessions
     from wechat.console_user u where $2::text is null or u.name = $2 order by u.name`,
    [idleSeconds, name ?? null],
  );
  return rows.map((row) => ({
    ...row,
    createdAt: row.createdAt.toISOString(),
    lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
  }));
}

/** Who is signed in by a link, under a name that no user has: admins must see them, too. */
export async function listLinkNames(
  statements: Statements,
  { idleSeconds }: Pick<SessionLimits, 'idleSeconds'>,
): Promise<UserView[]> {
  const { rows } = await statements.query<{ name: string; since: Date; seen: Date; sessions: number }>(
    `select s.user_name as name, min(s.created_at) as since, max(s.seen_at) as seen, count(*)::int as sessions
     from wechat.console_session s
     where s.via = 'link' and s.ends_at > now() and s.seen_at > now() - make_interval(secs => $1)
       and not exists (select from wechat.console_user u where u.name = s.user_name)
     group by 1 order by 1`,
    [idleSeconds],
  );
  return rows.map(({ name, since, seen, sessions }) => ({
    ...{
      name,
      displayName: name,
      role: 'admin',
      hasPassword: false,
      disabled: false,
      sessions,
      byLink: true,
    },
    ...{ createdAt: since.toISOString(), lastSeenAt: seen.toISOString() },
  }));
}

export async function addUser(statements: Statements, user: NewUser): Promise<'done' | 'exists'> {
  const record = user.password === undefined ? null : await hashPassword(user.password);
  const { rowCount } = await statements.query(
    `insert into wechat.console_user (name, display_name, role, password, identity)
     values ($1, $2, $3, $4, $5) on conflict (name) do nothing`,
    [user.name, user.displayName, user.role, record, user.identity ?? null],
  );
  if (rowCount === 0) return 'exists';
  await recordAction(statements, 'user_add', { user: user.name, role: user.role });
  return 'done';
}

/** A new password, and being disabled, end their sessions; a new role holds from their next request on. */
export async function changeUser(
  statements: Statements,
  name: string,
  { displayName, role: newRole, password: newPassword, disabled }: UserChange,
): Promise<ChangeResult> {
  const record = newPassword === undefined ? undefined : await hashPassword(newPassword);
  const isLess = disabled === true || (newRole !== undefined && newRole !== 'admin');
  const problem = await problemOf(statements, name, isLess);
  if (problem) return problem;
  await statements.query(
    `update wechat.console_user set display_name = coalesce($2, display_name), role = coalesce($3, role),
       password = coalesce($4, password), disabled = coalesce($5, disabled)
     where name = $1`,
    [name, displayName ?? null, newRole ?? null, record ?? null, disabled ?? null],
  );
  if (record !== undefined || disabled === true) await endSessions(statements, name);
  await recordAction(statements, 'user_change', {
    user: name,
    ...(displayName === undefined ? {} : { displayName }),
    ...(newRole === undefined ? {} : { role: newRole }),
    ...(record === undefined ? {} : { password: 'changed' }),
    ...(disabled === undefined ? {} : { disabled }),
  });
  return 'done';
}

export async function removeUser(statements: Statements, name: string): Promise<ChangeResult> {
  const problem = await problemOf(statements, name, true);
  if (problem) return problem;
  await endSessions(statements, name);
  await statements.query('delete from wechat.console_user where name = $1', [name]);
  await recordAction(statements, 'user_remove', { user: name });
  return 'done';
}

/** @returns how many sessions there were */
export async function signUserOut(statements: Statements, name: string): Promise<number> {
  const ended = await endSessions(statements, name);
  await recordAction(statements, 'user_sign_out', { user: name, sessions: ended });
  return ended;
}

/** @param isLess whether an admin would be one no more: of two that take each other's role away, one must wait and then see */
async function problemOf(
  statements: Statements,
  name: string,
  isLess: boolean,
): Promise<Exclude<ChangeResult, 'done'> | undefined> {
  await statements.query('lock table wechat.console_user in share row exclusive mode');
  const user = await findUser(statements, name);
  if (!user) return 'not_found';
  if (!isLess || user.role !== 'admin' || user.disabled) return undefined;
  const { rows } = await statements.query<{ others: boolean }>(
    `select exists (select from wechat.console_user where role = 'admin' and not disabled and name <> $1) as others`,
    [name],
  );
  return rows[0]?.others ? undefined : 'last_admin';
}

export async function recordAction(
  statements: Statements,
  action: string,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  await statements.query('select wechat.record_action($1, null, $2, 1)', [action, JSON.stringify(details)]);
}
