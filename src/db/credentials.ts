import { sql } from 'kysely';
import type { Credential, CredentialStore } from '../wechat/access-token.js';
import type { Database } from './kysely.js';

/** How long to wait for another process's renewal, which ends with its HTTP call. */
const lockTimeout = '20s';

/** Access tokens in the table wechat.credential, renewed by one process at a time. */
export function createCredentialStore(db: Database): CredentialStore {
  return {
    read: (appId) => readToken(db, appId),

    /**
     * The lock is Postgres's and ends with the transaction: a process that dies or loses its connection while it
     * asks WeChat frees it, and its late answer cannot be stored over a newer token.
     */
    exclusively(appId, renew) {
      return db.transaction().execute(async (transaction) => {
        await sql`select set_config('lock_timeout', ${lockTimeout}, true)`.execute(transaction);
        await sql`select pg_advisory_xact_lock(hashtextextended(${`wechat access_token ${appId}`}, 0))`.execute(
          transaction,
        );
        const current = await readToken(transaction, appId);
        const renewed = await renew(current);
        if (!renewed) return current;
        const row = {
          value: renewed.value,
          expires_at: renewed.expiresAt,
          forced_at: renewed.forcedAt ?? null,
          refreshed_at: sql<Date>`now()`,
        };
        await transaction
          .insertInto('wechat.credential')
          .values({ app_id: appId, kind: 'access_token', ...row })
          .onConflict((conflict) =>
            conflict
              .columns(['app_id', 'kind'])
              .doUpdateSet({ ...row, version: sql<string>`wechat.credential.version + 1` }),
          )
          .execute();
        return renewed;
      });
    },
  };
}

async function readToken(db: Database, appId: string): Promise<Credential | undefined> {
  const row = await db
    .selectFrom('wechat.credential')
    .select(['value', 'expires_at', 'forced_at'])
    .where('app_id', '=', appId)
    .where('kind', '=', 'access_token')
    .executeTakeFirst();
  return row && { value: row.value, expiresAt: row.expires_at, forcedAt: row.forced_at ?? undefined };
}
