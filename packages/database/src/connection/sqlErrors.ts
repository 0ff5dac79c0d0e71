import { asSentence, type ErrorCode, MillraceError } from '@millrace/contracts';

/** SQLSTATE codes with which a server that is stopping or starting, or a pooler in front of it, closes a connection. */
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
/** SQLSTATE codes of a server that cannot be used, and that a short wait does not bring back. */
const unavailableStates = new Set([
  '53100', // disk_full
  '53200', // out_of_memory
  '53400', // configuration_limit_exceeded
  '25006', // read_only_sql_transaction: a standby, or a server in the middle of a failover
  '25P03', // idle_in_transaction_session_timeout
  '28P01', // invalid_password
  '28000', // invalid_authorization_specification
  '3D000', // invalid_catalog_name
]);
/** protocol_violation. With severity FATAL it comes from a PgBouncer that has no server or has lost it. */
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
/** The driver's message when the server has not answered a statement in time. */
const noAnswer = /Query read timeout/;
/** The pool's message when no connection became free in time. */
const poolExhausted = /timeout exceeded when trying to connect/;
const queryCanceled = '57014';
/** The codes with which Node.js refuses certificates and handshakes. */
const tlsCodes = /^(ERR_(TLS|SSL|OSSL)_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_(CA|PURPOSE)|EPROTO$)/;
const noTls = /The server does not support SSL connections/;

const rolledBackStates = new Set(['40P01', '40001']);

/** Returns a text field of a thrown value, which may not be an Error. */
function textOf(error: unknown, name: 'code' | 'message' | 'severity'): string {
  const value = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}

const codeOf = (error: unknown) => textOf(error, 'code');

/** Returns the driver's message as a sentence. A refused connection to a name with several addresses has only a code. */
const reasonOf = (error: unknown) => asSentence(textOf(error, 'message') || codeOf(error));

/** Returns the driver's error. An error that has been translated already holds it as its cause. */
function driverError(error: unknown): unknown {
  return error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE' ? error.cause : error;
}

function hasMessage(error: unknown, pattern: RegExp): boolean {
  return pattern.test(textOf(error, 'message'));
}

/** True when the connection could not be made or is gone, as happens while the server restarts. */
export function isConnectionLost(error: unknown): boolean {
  const cause = driverError(error);
  const code = codeOf(cause);
  return (
    lostStates.has(code) ||
    networkCodes.has(code) ||
    hasMessage(cause, lossMessages) ||
    (code === poolerState && isFatal(cause))
  );
}

function isFatal(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && error.severity === 'FATAL';
}

/**
 * True when the connection was lost and the last statement or COMMIT is known not to have been executed:
 * - The server reported that it ends the session (admin_shutdown). It never does that during a commit: it finishes the
 *   commit and confirms it first. So a statement that was not confirmed was not executed.
 * - The driver knew that the connection was lost before it sent the statement.
 */
export function wasNotExecuted(error: unknown): boolean {
  const cause = driverError(error);
  return codeOf(cause) === '57P01' || hasMessage(cause, /is not queryable$/);
}

/** True when the connection that `error` came from can no longer be used. */
export function isUnavailable(error: unknown): boolean {
  const cause = driverError(error);
  return isConnectionLost(cause) || unavailableStates.has(codeOf(cause)) || hasMessage(cause, noAnswer);
}

/** Translates a driver's error to a MillraceError. Other errors pass unchanged. Only this function translates them. */
export function translateSqlError(error: unknown): unknown {
  if (error instanceof MillraceError) {
    return error;
  }
  const translated = (code: ErrorCode, what: string) =>
    new MillraceError(code, `${what}: ${reasonOf(error)}`, { cause: error });
  if (tlsCodes.test(codeOf(error)) || hasMessage(error, noTls)) {
    return translated('DATABASE_TLS_FAILED', 'The connection to the database cannot be secured');
  }
  if (isUnavailable(error)) {
    return translated('DATABASE_UNAVAILABLE', 'The database cannot be used');
  }
  if (hasMessage(error, poolExhausted)) {
    return translated('DATABASE_BUSY', 'No connection to the database became free');
  }
  return codeOf(error) === queryCanceled ? translated('DATABASE_TIMEOUT', 'The database cancelled a statement') : error;
}

const transientCodes: ReadonlySet<ErrorCode> = new Set(['DATABASE_UNAVAILABLE', 'DATABASE_BUSY', 'DATABASE_TIMEOUT']);

/** True when the database could not do the work at that moment. The same work may succeed later. */
export function isTransient(error: MillraceError): boolean {
  return transientCodes.has(error.code);
}

/** True when a statement used all of its time. The work may be too much for the database. */
export function tookTooLong(error: MillraceError): boolean {
  return error.code === 'DATABASE_TIMEOUT' || hasMessage(driverError(error), noAnswer);
}

/**
 * True after a deadlock or a serialization failure, and when a replica ended a query that blocked its replay. The whole
 * transaction was rolled back and may run again.
 */
export function isRolledBack(error: unknown): boolean {
  return rolledBackStates.has(codeOf(error));
}

/** Makes an error like that of a serialization failure, so that the transaction that throws it runs again. */
export function mustRunAgain(message: string): Error {
  return Object.assign(new Error(message), { code: '40001' });
}
