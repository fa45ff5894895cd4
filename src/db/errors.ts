import pg from 'pg';
import type { Failure } from '../lib/batcher.js';

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

/** A server that takes no writes was reached where one that does was wanted. */
export class ReadOnlyServerError extends Error {
  readonly code = 'READ_ONLY_SERVER';
  override readonly name = 'ReadOnlyServerError';
}

/** read_only_sql_transaction: a standby, or a primary that is none any more. */
export const readOnlyState = '25006';

/**
 * Why a statement failed, as far as it matters to what is done next:
 *
 * - `locked`: a row or table is locked by somebody who does not let go of it; other rows may be free
 * - `conflict`: Postgres chose this transaction to resolve a deadlock or a conflict; at once again, it may well succeed
 * - `slow`: Postgres ended the statement at its time limit
 * - `refused_connection`: there are no more connections to be had, by the server's, the role's or the pooler's limit
 * - `refused_login`: Postgres does not let us in, so that no statement ran: the password is another one by now, the role may not
 *   log in, the database is not there (it is being restored). Connections that are open go on
 * - `storage`: a file or the disk of the server failed. It may be that of a few rows alone, or all; either way the statement is
 *   not at fault
 * - `away`: Postgres does not answer, is starting or shutting down, takes no writes (a standby), or has no room
 * - `other`: the statement itself, which no repetition makes better
 */
export type DatabaseFailure =
  | 'locked'
  | 'conflict'
  | 'slow'
  | 'refused_connection'
  | 'refused_login'
  | 'storage'
  | 'away'
  | 'other';

export function classifyDatabaseError(error: unknown): DatabaseFailure {
  if (!(error instanceof Error)) return 'other';
  if (error instanceof AggregateError)
    return error.errors.map(classifyDatabaseError).find((kind) => kind !== 'other') ?? 'other';
  if (error instanceof ReadOnlyServerError) return 'away';
  if (error instanceof pg.DatabaseError) return classifyState(error.code ?? '', error.message);
  const code = 'code' in error ? String(error.code) : '';
  if (networkCodes.has(code)) return 'away';
  // Errors of pg and Kysely carry no code: "Connection terminated unexpectedly", "timeout expired", "… has been discarded", …
  return /connection (terminated|ended|error|closed|has been discarded)|timeout|client has encountered a connection error/i.test(
    error.message,
  )
    ? 'away'
    : 'other';
}

/** Source: PostgreSQL, Appendix A, Error Codes. PgBouncer has 08P01 for all that it refuses. */
function classifyState(sqlState: string, message: string): DatabaseFailure {
  switch (sqlState) {
    case '55P03': // lock_not_available
      return 'locked';
    case '40001': // serialization_failure
    case '40P01': // deadlock_detected
      return 'conflict';
    case '57014': // query_canceled
      return 'slow';
    case '53300': // too_many_connections
      return 'refused_connection';
    case '28000': // invalid_authorization_specification
    case '28P01': // invalid_password
    case '3D000': // invalid_catalog_name
      return 'refused_login';
    case '58000': // system_error
    case '58030': // io_error
    case '58P01': // undefined_file
    case '58P02': // duplicate_file
      return 'storage';
    case readOnlyState:
    case '25P03': // idle_in_transaction_session_timeout
      return 'away';
    case '08P01':
      if (/no more connections allowed|too many|max_.*conn/i.test(message)) return 'refused_connection';
  }
  // Connection exceptions; insufficient resources, disk full among them; shutdown, crash, cannot connect now.
  return /^(08|53|57)/.test(sqlState) ? 'away' : 'other';
}

/** Whether the statement is not at fault: the same one may well succeed later. */
export function isOutage(error: unknown): boolean {
  return classifyDatabaseError(error) !== 'other';
}

/** Whether it may pass by itself. A refused login is for a person to mend, and who is only starting had better say so and end. */
export function mayPass(error: unknown): boolean {
  return isOutage(error) && classifyDatabaseError(error) !== 'refused_login';
}

/** What a failed statement says about the items of a batch. */
export function batchFailure(error: unknown): Failure {
  const failure = classifyDatabaseError(error);
  switch (failure) {
    case 'refused_connection':
    case 'refused_login':
      return 'away';
    // Those whose rows cannot be read are found and tried again, as if they were locked; the others pass.
    case 'storage':
      return 'locked';
    case 'other':
      return 'refused';
    default:
      return failure;
  }
}
