/** Returns the system's code of an error, such as ENOENT, or undefined when it has none. */
export function errorCodeOf(error: unknown): string | undefined {
  // instanceof does not work here: in a vm context, where tests run, Node's own errors belong to another realm.
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
