import { type ErrorCode, MillraceError } from '@millrace/contracts';

/** True for the error of a statement that would have broken this unique index or constraint. */
export function violatesUnique(error: unknown, index: string): boolean {
  const { code, constraint } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  return code === '23505' && constraint === index;
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
