import type { Pool } from '../../../db/pool.js';
import type { Role } from '../../contract/rights.js';
import type { SessionView } from '../../contract/session.js';
import type { Person } from '../http/person.js';
import type { Statements } from '../http/transaction.js';
import { hashOf, newToken } from './tokens.js';

export type Via = NonNullable<SessionView['user']>['via'];

export interface Session extends Person {
  token: string;
  via: Via;
}

export interface SessionLimits {
  /** It ends when nothing was asked for so long. */
  idleSeconds: number;
  /** It ends so long after the sign-in. */
  longestSeconds: number;
}

/** A working day with a long lunch; a week. */
export const sessionLimits: SessionLimits = { idleSeconds: 12 * 3_600, longestSeconds: 7 * 24 * 3_600 };

export interface Sessions {
  /** @returns its token, which is told this once */
  begin(session: { name: string; via: Via; address: string }): Promise<string>;
  /** With the role that the user has now; undefined when it is over, or was ended, or its user may not sign in. */
  find(token: string): Promise<Session | undefined>;
  end(token: string): Promise<void>;
}

interface SessionRow {
  name: string;
  display_name: string;
  role: Role;
  via: Via;
  is_stale: boolean;
}

/** A link's session has no user, and is an admin's. */
const findSql = `
  select s.user_name as name, coalesce(u.display_name, s.user_name) as display_name, s.via,
    case when s.via = 'link' then 'admin' else u.role end as role,
    s.seen_at < now() - interval '1 minute' as is_stale
  from wechat.console_session s
  left join wechat.console_user u on u.name = s.user_name
  where s.token_hash = $1 and s.ends_at > now() and s.seen_at > now() - make_interval(secs => $2)
    and (s.via = 'link' or (u.name is not null and not u.disabled))`;

const touchSql = `
  with session as (update wechat.console_session set seen_at = now() where token_hash = $1 returning user_name, via)
  update wechat.console_user u set last_seen_at = now() from session where u.name = session.user_name`;

export function createSessions(pool: Pool, { idleSeconds, longestSeconds }: SessionLimits): Sessions {
  return {
    async begin({ name, via, address }) {
      const token = newToken();
      await pool.query(
        'delete from wechat.console_session where ends_at < now() or seen_at < now() - make_interval(secs => $1)',
        [idleSeconds],
      );
      await pool.query(
        `with session as (
           insert into wechat.console_session (token_hash, user_name, via, address, ends_at)
           values ($1, $2, $3, $4, now() + make_interval(secs => $5))
         )
         update wechat.console_user set last_seen_at = now() where name = $2`,
        [hashOf(token), name, via, address, longestSeconds],
      );
      return token;
    },
    async find(token) {
      const { rows } = await pool.query<SessionRow>(findSql, [hashOf(token), idleSeconds]);
      const [row] = rows;
      if (!row) return undefined;
      if (row.is_stale) await pool.query(touchSql, [hashOf(token)]);
      return { token, name: row.name, displayName: row.display_name, role: row.role, via: row.via };
    },
    async end(token) {
      await pool.query('delete from wechat.console_session where token_hash = $1', [hashOf(token)]);
    },
  };
}

/** Ends all sessions of a name. @returns how many there were */
export async function endSessions(statements: Statements, name: string): Promise<number> {
  const { rowCount } = await statements.query('delete from wechat.console_session where user_name = $1', [
    name,
  ]);
  return rowCount ?? 0;
}

export interface SessionOfUser {
  via: Via;
  address: string;
  createdAt: Date;
  seenAt: Date;
}

/** Those of a name that are not over, the newest first. */
export async function listSessions(
  statements: Statements,
  { idleSeconds }: Pick<SessionLimits, 'idleSeconds'>,
  name: string,
): Promise<SessionOfUser[]> {
  const { rows } = await statements.query<SessionOfUser>(
    `select via, address, created_at as "createdAt", seen_at as "seenAt" from wechat.console_session
     where user_name = $1 and ends_at > now() and seen_at > now() - make_interval(secs => $2)
     order by created_at desc`,
    [name, idleSeconds],
  );
  return rows;
}
