import pg from 'pg';

/** Node's errors of a broken or refused connection. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT', // the unix socket is gone
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/**
 * Whether the same statement may well succeed in a moment: Postgres is away, starting, shutting down, out of
 * connections or room, read-only after a failover, or it chose this transaction as the victim of a deadlock.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isOutage);
  if (error instanceof pg.DatabaseError) return isOutageState(error.code ?? '');
  const code = 'code' in error ? String(error.code) : '';
  if (networkCodes.has(code)) return true;
  // pg's own errors carry no code: "Connection terminated unexpectedly", "timeout expired", "Query read timeout", …
  return /connection (terminated|ended|error|closed)|timeout|client has encountered a connection error/i.test(
    error.message,
  );
}

function isOutageState(sqlState: string): boolean {
  return (
    sqlState.startsWith('08') || // connection exceptions
    sqlState.startsWith('53') || // insufficient resources, disk full among them
    sqlState.startsWith('57') || // shutdown, crash, cannot connect now
    sqlState === '25006' || // read-only: a standby, or a primary that is none any more
    sqlState === '40001' || // serialization failure
    sqlState === '40P01' || // deadlock
    sqlState === '55P03' // lock not available
  );
}
