import { setTimeout } from 'node:timers/promises';
import { type ErrorCode, MillraceError } from '@millrace/contracts';

/** SQLSTATE codes with which a server that is on its way down or up, or a pooler before it, ends or refuses a connection. */
const lostStates = new Set([
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '08000', // connection_exception
  '08001', // sqlclient_unable_to_establish_sqlconnection
  '08003', // connection_does_not_exist
  '08004', // sqlserver_rejected_establishment_of_sqlconnection
  '08006', // connection_failure
]);
/** SQLSTATE codes that mean "the server cannot serve us now", and waiting a little does not help. */
const unavailableStates = new Set([
  '53100', // disk_full
  '53200', // out_of_memory
  '53400', // configuration_limit_exceeded
  '25006', // read_only_sql_transaction: a standby, or a server that is being changed over
  '25P03', // idle_in_transaction_session_timeout
  '28P01', // invalid_password
  '28000', // invalid_authorization_specification
  '3D000', // invalid_catalog_name
]);
/** protocol_violation: as a last word it is PgBouncer's, which has no server, or has lost it. */
const poolerState = '08P01';
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
const lossMessages =
  /Connection terminated|Client has encountered a connection error|Client was closed|^timeout expired$/;
/** What the driver says of a server that has not answered a statement. */
const silence = /Query read timeout/;
/** What the pool says when all its connections stayed in use. */
const poolExhausted = /timeout exceeded when trying to connect/;
const queryCanceled = '57014';
/** The codes of Node.js for certificates and handshakes that it refuses. */
const tlsCodes = /^(ERR_(TLS|SSL|OSSL)_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_(CA|PURPOSE)|EPROTO$)/;
const noTls = /The server does not support SSL connections/;

const rolledBackStates = new Set(['40P01', '40001']);

/** A text of an error that need not be an Error. */
function textOf(error: unknown, name: 'code' | 'message' | 'severity'): string {
  const value = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}

const codeOf = (error: unknown) => textOf(error, 'code');

/** The driver's words; a refused connection to a name with several addresses has none, only a code. */
const reasonOf = (error: unknown) => textOf(error, 'message') || codeOf(error);

/** What the driver said, also where it has been translated already. */
function driverError(error: unknown): unknown {
  return error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE' ? error.cause : error;
}

function says(error: unknown, words: RegExp): boolean {
  return words.test(textOf(error, 'message'));
}

/** True when `error` says that the connection could not be made or is gone, as happens while the server restarts. */
export function isConnectionLost(error: unknown): boolean {
  const said = driverError(error);
  const code = codeOf(said);
  return (
    lostStates.has(code) ||
    networkCodes.has(code) ||
    says(said, lossMessages) ||
    (code === poolerState && isFatal(said))
  );
}

function isFatal(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && error.severity === 'FATAL';
}

/**
 * True for a lost connection on which the last thing sent has surely not happened:
 * - the server itself said that it ends the session, instead of merely being gone. It says so between statements or in the
 *   middle of one, never after a commit without having confirmed that first (it holds interrupts while it commits), so
 *   what was not confirmed has not happened;
 * - the driver knew of the loss before, and has not sent it.
 */
export function surelyNotDone(error: unknown): boolean {
  const said = driverError(error);
  return codeOf(said) === '57P01' || says(said, /is not queryable$/);
}

/** True when the connection that `error` came from cannot be used any more. */
export function isUnavailable(error: unknown): boolean {
  const said = driverError(error);
  return isConnectionLost(said) || unavailableStates.has(codeOf(said)) || says(said, silence);
}

/** The one place where a driver's error becomes Millrace's; errors with no meaning of their own pass unchanged. */
export function translateSqlError(error: unknown): unknown {
  if (error instanceof MillraceError) {
    return error;
  }
  const as = (code: ErrorCode, what: string) =>
    new MillraceError(code, `${what}: ${reasonOf(error)}`, { cause: error });
  if (tlsCodes.test(codeOf(error)) || says(error, noTls)) {
    return as('DATABASE_TLS_FAILED', 'The connection to the database cannot be secured');
  }
  if (isUnavailable(error)) {
    return as('DATABASE_UNAVAILABLE', 'The database cannot be used');
  }
  if (says(error, poolExhausted)) {
    return as('DATABASE_BUSY', 'No connection to the database became free');
  }
  return codeOf(error) === queryCanceled ? as('DATABASE_TIMEOUT', 'The database broke off a statement') : error;
}

const transientCodes: ReadonlySet<ErrorCode> = new Set(['DATABASE_UNAVAILABLE', 'DATABASE_BUSY', 'DATABASE_TIMEOUT']);

/** True when the same work may succeed later: the database was away, busy or slow. */
export function isTransient(error: MillraceError): boolean {
  return transientCodes.has(error.code);
}

/** True when the database had all the time that a statement may take: the work itself may be too much for it. */
export function tookTooLong(error: MillraceError): boolean {
  return error.code === 'DATABASE_TIMEOUT' || says(driverError(error), silence);
}

/**
 * Deadlock and serialization failures, and what a replica breaks off because the primary goes on: the transaction was
 * rolled back whole and may simply be run again.
 */
export function isRolledBack(error: unknown): boolean {
  return rolledBackStates.has(codeOf(error));
}

const longestPauseMs = 50;

/**
 * Runs `work` up to `tries` times, again when it was rolled back by a deadlock or serialization failure.
 * @throws the last error
 */
export async function repeatedly<T>(work: () => Promise<T>, tries: number): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isRolledBack(error) || attempt >= tries) {
        throw error;
      }
      // At a moment of its own: what it has met may be run again as well, and would only meet it once more.
      await setTimeout(Math.random() * longestPauseMs);
    }
  }
}
