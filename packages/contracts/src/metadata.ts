import { z } from 'zod';

/** A document's own, and what a search asks for; in bytes of JSON. */
const metadataMaxBytes = 16 * 1024;
const metadataFilterMaxBytes = 4 * 1024;
/** Objects and arrays inside one another, the outermost counted. */
const metadataMaxDepth = 8;

/** Why a JSON value cannot be stored as it is, or undefined. */
function findFault(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') {
    // PostgreSQL's text holds neither.
    return value.includes('\0') || !value.isWellFormed() ? 'must not hold NUL characters or broken Unicode' : undefined;
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : 'must not hold numbers too large to be exact';
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  if (depth === 0) {
    return `must not be nested more than ${metadataMaxDepth} levels deep`;
  }
  for (const [key, inner] of Object.entries(value)) {
    const fault = findFault(key, 0) ?? findFault(inner, depth - 1);
    if (fault !== undefined) {
      return fault;
    }
  }
  return undefined;
}

function metadataOf(maxBytes: number) {
  return z.record(z.string(), z.unknown(), { error: 'must be a JSON object' }).superRefine((value, context) => {
    const fault =
      findFault(value, metadataMaxDepth) ??
      (Buffer.byteLength(JSON.stringify(value)) > maxBytes ? `must be at most ${maxBytes} bytes of JSON` : undefined);
    if (fault !== undefined) {
      context.addIssue({ code: 'custom', message: fault });
    }
  });
}

/** Whatever a client wants to keep with a document: any JSON object. */
export const metadataSchema = metadataOf(metadataMaxBytes);

/** What a document's metadata must contain: an object is contained in one that has all its keys with such values. */
export const metadataFilterSchema = metadataOf(metadataFilterMaxBytes);
