import { setTimeout } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';

/** SQLSTATE codes that mean "the server cannot serve us now", not "the statement is wrong". */
const unavailableStates = new Set([
  '53100', // disk_full
  '53200', // out_of_memory
  '53300', // too_many_connections
  '53400', // configuration_limit_exceeded
  '25006', // read_only_sql_transaction: a standby, or a server that is being changed over
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '25P03', // idle_in_transaction_session_timeout
  '28P01', // invalid_password
  '28000', // invalid_authorization_specification
  '3D000', // invalid_catalog_name
  '08000', // connection_exception
  '08001', // sqlclient_unable_to_establish_sqlconnection
  '08003', // connection_does_not_exist
  '08004', // sqlserver_rejected_establishment_of_sqlconnection
  '08006', // connection_failure
]);
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);
const driverMessages =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout/;

/** Deadlock and serialization failures: the transaction was rolled back whole and may simply be run again. */
const repeatableStates = new Set(['40P01', '40001']);

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** True when the transaction that threw `error` was rolled back and will probably succeed if run again. */
function isRepeatable(error: unknown): boolean {
  return repeatableStates.has(codeOf(error));
}

/** The driver's words; a refused connection to a name with several addresses has none, only a code. */
function reasonOf(error: unknown): string {
  return (error instanceof Error && error.message) || codeOf(error);
}

/** True when `error` says that the database cannot be reached or refuses connections. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  return (
    unavailableStates.has(code) ||
    networkCodes.has(code) ||
    (error instanceof Error && driverMessages.test(error.message))
  );
}

/** The one place where a driver's error becomes Millrace's; errors with no meaning of their own pass unchanged. */
export function translateSqlError(error: unknown): unknown {
  return isUnavailable(error)
    ? new MillraceError('DATABASE_UNAVAILABLE', `The database cannot be used: ${reasonOf(error)}`, { cause: error })
    : error;
}

const longestPauseMs = 50;

/**
 * Runs `work` up to `tries` times, again when it was rolled back by a deadlock or serialization failure.
 * @throws the last error, translated
 */
export async function repeatedly<T>(work: () => Promise<T>, tries: number): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isRepeatable(error) || attempt >= tries) {
        throw translateSqlError(error);
      }
      // At a moment of its own: what it has met may be run again as well, and would only meet it once more.
      await setTimeout(Math.random() * longestPauseMs);
    }
  }
}
