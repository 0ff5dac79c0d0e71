import type { VectorIndexKind } from './kinds';

/** What pgvector makes where no number is given. */
export const defaultLists = 100;

/** pgvector takes no more. */
const maxLists = 32_768;

/**
 * How many lists an IVFFlat index of so many rows gets. For vectors as pgvector's documentation advises: a thousandth of the
 * rows, or their square root beyond a million. Of bits the centres are compared quickly, so there are more and shorter lists:
 * twice the square root, 2,000 at most (the time and memory of a build grow with the square of their number), or the square
 * root itself beyond four million.
 */
export function listsFor(kind: Extract<VectorIndexKind, 'ivfflat' | 'ivfflat_binary'>, rows: number): number {
  const root = Math.sqrt(rows);
  const lists = kind === 'ivfflat' ? Math.min(rows / 1_000, 1_000) : Math.min(2 * root, 2_000);
  return Math.min(maxLists, Math.max(1, Math.round(rows > 1_000_000 ? Math.max(lists, root) : lists)));
}
