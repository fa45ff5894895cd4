import type { Pool } from '../../../db/pool.js';
import type { Logger } from '../../../observe/log.js';
import { hashOf, newToken } from './tokens.js';

export const linkMinutes = 15;

export interface NewLink {
  /** Under which name whoever uses it acts. */
  name: string;
  /** Good only as long as there is no user. */
  whileNoUser: boolean;
}

/** A link that signs an admin in, once. @returns its token, which is told this once */
export async function createLink(pool: Pool, { name, whileNoUser }: NewLink): Promise<string> {
  const token = newToken();
  await pool.query(
    `with old as (delete from wechat.console_link where ends_at < now())
     insert into wechat.console_link (token_hash, user_name, while_no_user, ends_at)
     values ($1, $2, $3, now() + make_interval(mins => $4))`,
    [hashOf(token), name, whileNoUser, linkMinutes],
  );
  return token;
}

/** Uses a link up. @returns its name; undefined when it was used, is over, or is none */
export async function useLink(pool: Pool, token: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ user_name: string }>(
    `delete from wechat.console_link
     where token_hash = $1 and ends_at > now()
       and not (while_no_user and exists (select from wechat.console_user))
     returning user_name`,
    [hashOf(token)],
  );
  return rows[0]?.user_name;
}

async function hasNoUser(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ none: boolean }>(
    'select not exists (select from wechat.console_user) as none',
  );
  return rows[0]?.none ?? false;
}

/** @param base where browsers reach the console */
export const linkUrl = (base: string, token: string) => `${base}/api/link?key=${token}`;

/** While there is no user, somebody who reads the log is let in, to add one. */
export async function printFirstLink(
  { pool, log }: { pool: Pool; log: Logger },
  base: string,
): Promise<void> {
  if (!(await hasNoUser(pool))) return;
  const token = await createLink(pool, { name: 'first-link', whileNoUser: true });
  log.info(
    { event: 'console_link', url: linkUrl(base, token), minutes: linkMinutes },
    'the console has no user yet: this link lets an admin in, once',
  );
}
