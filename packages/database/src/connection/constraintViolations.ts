import { type ErrorCode, MillraceError } from '@millrace/contracts';

/** True for the error of a statement that would have broken this unique index or constraint. */
export function violatesUnique(error: unknown, index: string): boolean {
  const { code, constraint } = fieldsOf(error);
  return code === '23505' && constraint === index;
}

/** The foreign keys to users. PostgreSQL names them after their columns. */
const userReference = /_(user|owner)_id_fkey$/;

/** True for the error of a statement that would have stored a row of a user who does not exist. */
export function namesMissingUser(error: unknown): boolean {
  const { code, constraint } = fieldsOf(error);
  return code === '23503' && typeof constraint === 'string' && userReference.test(constraint);
}

function fieldsOf(error: unknown): Record<string, unknown> {
  return (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
}

/** Waits for a statement. @throws MillraceError with the code when it would have broken the unique index or constraint */
export async function refuseDuplicate<T>(
  statement: Promise<T>,
  { index, code, message }: { index: string; code: ErrorCode; message: string },
): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    throw violatesUnique(error, index) ? new MillraceError(code, message, { cause: error }) : error;
  }
}
