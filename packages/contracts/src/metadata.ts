import { z } from 'zod';

/** The largest metadata of a document, and the largest filter of a search, in bytes of JSON. */
const metadataMaxBytes = 16 * 1024;
const metadataFilterMaxBytes = 4 * 1024;
/** How deep objects and arrays may be nested. The outermost object counts. */
const metadataMaxDepth = 8;

/** Returns why a JSON value cannot be stored, or undefined. */
function findProblem(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') {
    // A text in PostgreSQL cannot hold either.
    return value.includes('\0') || !value.isWellFormed() ? 'must not hold NUL characters or broken Unicode' : undefined;
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : 'must not hold numbers that are too large';
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  if (depth === 0) {
    return `must not be nested more than ${metadataMaxDepth} levels deep`;
  }
  for (const [key, inner] of Object.entries(value)) {
    const problem = findProblem(key, 0) ?? findProblem(inner, depth - 1);
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}

function metadataOf(maxBytes: number) {
  return z.record(z.string(), z.unknown(), { error: 'must be a JSON object' }).superRefine((value, context) => {
    const problem =
      findProblem(value, metadataMaxDepth) ??
      (Buffer.byteLength(JSON.stringify(value)) > maxBytes ? `must be at most ${maxBytes} bytes of JSON` : undefined);
    if (problem !== undefined) {
      context.addIssue({ code: 'custom', message: problem });
    }
  });
}

/** The metadata of a document: any JSON object of the client. */
export const metadataSchema = metadataOf(metadataMaxBytes);

/** A filter on metadata. It matches an object that has all its keys, with values that match in turn. */
export const metadataFilterSchema = metadataOf(metadataFilterMaxBytes);
