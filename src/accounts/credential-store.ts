import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Database } from '../db/kysely.js';
import { credentialLock } from '../db/locks.js';
import type { DB } from '../db/schema.js';
import { longestCallMs } from '../wechat/out/limits.js';
import {
  type Credential,
  type CredentialKind,
  type CredentialStore,
  LeaseLostError,
  type Renewal,
} from './credential.js';

export interface CredentialStoreOptions {
  /** Repeats what fails for want of a database. Default: it fails. */
  durably?: <T>(statements: () => Promise<T>) => Promise<T>;
  /** How long a process that asks WeChat keeps the others from it; it must outlast one call. */
  leaseMs?: number;
}

const defaultLeaseMs = longestCallMs + 2_000;

/** How often those who wait for another process's renewal look whether it is there. */
const pollMs = 100;

type Turn =
  | { kind: 'good'; credential: Credential }
  /** Another process asks WeChat. */
  | { kind: 'busy' }
  /** This one does now. */
  | { kind: 'ours'; current: Credential | undefined };

/**
 * Access tokens and tickets in the table wechat.credential, each renewed by one process at a time.
 *
 * Who renews takes a lease on the row, in a short transaction under an advisory lock; asks WeChat while no connection and
 * no transaction is held; and stores what it got, in another short transaction, if the lease is still its own. So a
 * process that is slow cannot store over a newer one, and one that dies holds up the others for one lease at most.
 */
export function createCredentialStore(
  db: Database,
  { durably = (statements) => statements(), leaseMs = defaultLeaseMs }: CredentialStoreOptions = {},
): CredentialStore {
  async function renew(appId: string, kind: CredentialKind, { isGood, fetch }: Renewal): Promise<Credential> {
    const lease = createLease(db, { appId, kind, leaseMs });
    for (;;) {
      const turn = await durably(() => lease.take(isGood));
      if (turn.kind === 'good') return turn.credential;
      if (turn.kind === 'busy') {
        await sleep(pollMs * (0.5 + Math.random()));
        continue;
      }
      try {
        const fetched = await fetch(turn.current, () => durably(lease.prolong));
        if (await durably(() => lease.store(fetched))) return fetched;
      } catch (error) {
        if (error instanceof LeaseLostError) continue;
        await durably(lease.release);
        throw error;
      }
    }
  }

  return { read: (appId, kind) => durably(() => readCredential(db, appId, kind)), renew };
}

interface Lease {
  /** Looks, and takes the lease if there is nothing good and nobody else has it. */
  take(isGood: Renewal['isGood']): Promise<Turn>;
  /** For another call. @throws LeaseLostError */
  prolong(): Promise<void>;
  /** @returns false if the lease was lost: what is stored then is another process's */
  store(credential: Credential): Promise<boolean>;
  release(): Promise<void>;
}

function createLease(
  db: Database,
  { appId, kind, leaseMs }: { appId: string; kind: CredentialKind; leaseMs: number },
): Lease {
  const holder = randomUUID();
  const until = sql<Date>`clock_timestamp() + ${leaseMs} * interval '1 millisecond'`;

  /** The lock ends with the transaction, which asks nobody but Postgres. */
  function locked<T>(run: (transaction: Transaction<DB>) => Promise<T>): Promise<T> {
    return db.transaction().execute(async (transaction) => {
      const name = credentialLock(kind, appId);
      await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(transaction);
      return run(transaction);
    });
  }

  const ours = (transaction: Transaction<DB>) =>
    transaction
      .updateTable('wechat.credential')
      .where('app_id', '=', appId)
      .where('kind', '=', kind)
      .where('renewing_by', '=', holder);

  return {
    take: (isGood) =>
      locked(async (transaction): Promise<Turn> => {
        const current = await readCredential(transaction, appId, kind);
        if (current && isGood(current)) return { kind: 'good', credential: current };
        const taken = await insertLease(transaction, { appId, kind, holder, until });
        return taken ? { kind: 'ours', current } : { kind: 'busy' };
      }),

    prolong: () =>
      locked(async (transaction) => {
        const { numUpdatedRows } = await ours(transaction).set({ renewing_until: until }).executeTakeFirst();
        if (numUpdatedRows === 0n) throw new LeaseLostError();
      }),

    store: ({ value, expiresAt, forcedAt, forcedThatDay }) =>
      locked(async (transaction) => {
        const { numUpdatedRows } = await ours(transaction)
          .set({
            value,
            expires_at: expiresAt,
            forced_at: forcedAt ?? null,
            forced_that_day: forcedThatDay ?? 0,
            refreshed_at: sql<Date>`now()`,
            version: sql<string>`version + 1`,
            renewing_by: null,
            renewing_until: null,
          })
          .executeTakeFirst();
        if (numUpdatedRows > 0n) return true;
        // The answer to the commit may have been lost, and the statement be a repetition.
        return (await readCredential(transaction, appId, kind))?.value === value;
      }),

    release: () =>
      locked(async (transaction) => {
        await transaction
          .deleteFrom('wechat.credential')
          .where('app_id', '=', appId)
          .where('kind', '=', kind)
          .where('renewing_by', '=', holder)
          .where('value', '=', '')
          .execute();
        await ours(transaction).set({ renewing_by: null, renewing_until: null }).execute();
      }),
  };
}

/** Takes the place of the credential, if nobody has it or who has it was too slow. */
async function insertLease(
  transaction: Transaction<DB>,
  {
    appId,
    kind,
    holder,
    until,
  }: { appId: string; kind: CredentialKind; holder: string; until: RawBuilder<Date> },
): Promise<boolean> {
  const row = await transaction
    .insertInto('wechat.credential')
    .values({
      ...{ app_id: appId, kind, value: '', version: '0', expires_at: sql<Date>`now()` },
      ...{ renewing_by: holder, renewing_until: until },
    })
    .onConflict((conflict) =>
      conflict
        .columns(['app_id', 'kind'])
        .doUpdateSet({ renewing_by: holder, renewing_until: until })
        // A statement that is repeated because its answer was lost finds its own lease.
        .where(({ or, eb }) =>
          or([
            eb('wechat.credential.renewing_by', 'is', null),
            eb('wechat.credential.renewing_by', '=', holder),
            eb('wechat.credential.renewing_until', '<', sql<Date>`clock_timestamp()`),
          ]),
        ),
    )
    .returning('renewing_by')
    .executeTakeFirst();
  return row !== undefined;
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
    // The place of one that is being fetched.
    .where('value', '!=', '')
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
