import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Pool } from '../../../db/pool.js';
import { asPerson, type Statements } from '../http/transaction.js';

/**
 * Slows down whoever guesses passwords, and nobody else. Failures are counted by address, and by name from an address; never by
 * name alone, or anybody could lock anybody out. A browser that the name signed in from before is counted by itself: it gets in
 * even from the address of whoever guesses.
 */
export interface Attempts {
  /** Counts a try as a failure before it is looked at, so that many at once are no more than one after the other. */
  begin(by: AttemptKey[]): Promise<Attempt>;
}

export type Attempt =
  | { kind: 'may'; succeeded(): Promise<void> }
  | { kind: 'wait'; retryAfterSeconds: number };

export interface AttemptKey {
  hash: string;
  /** So many may fail before the first wait. */
  free: number;
  /** A success here clears what others failed with. */
  isOneName: boolean;
}

const longestWaitSeconds = 900;

export const byName = (name: string, address: string): AttemptKey => ({
  hash: keyOf('name', name, network(address)),
  free: 5,
  isOneName: true,
});

export const byDevice = (name: string, nonce: string): AttemptKey => ({
  hash: keyOf('device', name, nonce),
  free: 5,
  isOneName: true,
});

/** Behind one address may be an office. */
export const byAddress = (address: string): AttemptKey => ({
  hash: keyOf('address', network(address)),
  free: 30,
  isOneName: false,
});

/** How long the next try must wait: 1 s after the last of the free ones, then twice as long each time, up to 15 minutes. */
export function waitAfter(failures: number, free: number): number {
  return failures < free ? 0 : Math.min(longestWaitSeconds, 2 ** Math.min(30, failures - free));
}

export function createAttempts(pool: Pool): Attempts {
  async function succeeded(keys: readonly AttemptKey[]): Promise<void> {
    await pool.query(
      `delete from wechat.sign_in_attempt where key in (select decode(hash, 'hex') from unnest($1::text[]) hash)`,
      [keys.filter(({ isOneName }) => isOneName).map(({ hash }) => hash)],
    );
    // Whoever has a password of their own could otherwise wipe out what they failed with at others'.
    await pool.query(
      `update wechat.sign_in_attempt set failures = greatest(0, failures - 1), blocked_until = now()
       where key in (select decode(hash, 'hex') from unnest($1::text[]) hash)`,
      [keys.filter(({ isOneName }) => !isOneName).map(({ hash }) => hash)],
    );
  }

  return {
    async begin(keys) {
      const wait = await asPerson(pool, '', (client) => count(client, keys));
      if (wait > 0) return { kind: 'wait', retryAfterSeconds: wait };
      await pool.query(`delete from wechat.sign_in_attempt where last_at < now() - interval '1 day'`);
      return { kind: 'may', succeeded: () => succeeded(keys) };
    },
  };
}

interface AttemptRow {
  key: string;
  failures: number;
  wait: number;
}

/** @returns the seconds to wait; 0: it was counted, and may go on */
async function count(client: Statements, keys: readonly AttemptKey[]): Promise<number> {
  const hashes = keys.map(({ hash }) => hash).sort();
  await client.query(
    `insert into wechat.sign_in_attempt (key, failures, last_at, blocked_until)
     select decode(hash, 'hex'), 0, now(), now() from unnest($1::text[]) hash order by 1
     on conflict do nothing`,
    [hashes],
  );
  // By the clock, and not by the transaction's begin: it may have waited for the lock of the try before it.
  const { rows } = await client.query<AttemptRow>(
    `select encode(key, 'hex') as key,
       case when last_at < clock_timestamp() - interval '1 hour' then 0 else failures end as failures,
       ceil(extract(epoch from blocked_until - clock_timestamp()))::int as wait
     from wechat.sign_in_attempt
     where key in (select decode(hash, 'hex') from unnest($1::text[]) hash)
     order by sign_in_attempt.key for update`,
    [hashes],
  );
  const longest = Math.max(0, ...rows.map(({ wait }) => wait));
  if (longest > 0) return longest;
  for (const { key, failures } of rows) {
    const free = keys.find(({ hash }) => hash === key)?.free ?? 0;
    await client.query(
      `update wechat.sign_in_attempt set failures = $2, last_at = clock_timestamp(),
         blocked_until = clock_timestamp() + make_interval(secs => $3)
       where key = decode($1, 'hex')`,
      [key, failures + 1, waitAfter(failures + 1, free)],
    );
  }
  return 0;
}

/** The key has one length, whatever was typed, and tells nobody's address. */
const keyOf = (...parts: string[]) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** One machine has a whole /64 of IPv6. */
function network(address: string): string {
  if (!isIPv6(address)) return address;
  const bytes = ipaddr.parse(address).toByteArray();
  return Buffer.from(bytes.slice(0, 8)).toString('hex');
}
