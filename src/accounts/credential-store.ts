import { sql } from 'kysely';
import type { Database } from '../db/kysely.js';
import type { Credential, CredentialKind, CredentialStore } from './credential.js';

/** How long to wait for another process's renewal, which ends with its HTTP call. */
const lockTimeout = '20s';

/** Access tokens and tickets in the table wechat.credential, each renewed by one process at a time. */
export function createCredentialStore(db: Database): CredentialStore {
  return {
    read: (appId, kind) => readCredential(db, appId, kind),

    /**
     * The lock is Postgres's and ends with the transaction: a process that dies or loses its connection while it
     * asks WeChat frees it, and its late answer cannot be stored over a newer token.
     */
    exclusively(appId, kind, renew) {
      return db.transaction().execute(async (transaction) => {
        await sql`select set_config('lock_timeout', ${lockTimeout}, true)`.execute(transaction);
        await sql`select pg_advisory_xact_lock(hashtextextended(${`wechat ${kind} ${appId}`}, 0))`.execute(
          transaction,
        );
        const current = await readCredential(transaction, appId, kind);
        const renewed = await renew(current);
        if (!renewed) return current;
        const row = {
          value: renewed.value,
          expires_at: renewed.expiresAt,
          forced_at: renewed.forcedAt ?? null,
          forced_that_day: renewed.forcedThatDay ?? 0,
          refreshed_at: sql<Date>`now()`,
        };
        await transaction
          .insertInto('wechat.credential')
          .values({ app_id: appId, kind, ...row })
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

async function readCredential(
  db: Database,
  appId: string,
  kind: CredentialKind,
): Promise<Credential | undefined> {
  const row = await db
    .selectFrom('wechat.credential')
    .select(['value', 'expires_at', 'forced_at', 'forced_that_day'])
    .where('app_id', '=', appId)
    .where('kind', '=', kind)
    .executeTakeFirst();
  return (
    row && {
      value: row.value,
      expiresAt: row.expires_at,
      forcedAt: row.forced_at ?? undefined,
      forcedThatDay: row.forced_that_day,
    }
  );
}
