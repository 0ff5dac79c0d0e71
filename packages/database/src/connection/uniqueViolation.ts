/** True for the error of a statement that would have broken this unique index or constraint. */
export function violatesUnique(error: unknown, index: string): boolean {
  const { code, constraint } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  return code === '23505' && constraint === index;
}
