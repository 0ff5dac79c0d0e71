/** The system's code of an error, such as ENOENT; undefined when it has none. */
export function errorCodeOf(error: unknown): string | undefined {
  // Not by instanceof: errors of Node's own modules belong to another realm wherever code runs in a vm context.
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
