import type { VectorIndex } from './find';
import { vectorIndexKind } from './kinds';

/** The number of lists that pgvector makes unless it is given one. */
export const defaultLists = 100;

/** pgvector's upper limit. */
const maxLists = 32_768;

/**
 * Returns how many lists an IVFFlat index over this many rows gets: twice the square root of the rows, up to 2,000 (the time
 * and memory of a build grow with the square of the lists), or the square root itself beyond four million rows. Centres of
 * bits are compared quickly, so there are more and shorter lists than pgvector's documentation advises for vectors.
 */
export function listsFor(rows: number): number {
  const root = Math.sqrt(rows);
  const lists = Math.max(Math.min(2 * root, 2_000), rows > 1_000_000 ? root : 0);
  return Math.min(maxLists, Math.max(1, Math.round(lists)));
}

/**
 * Returns the bytes of maintenance_work_mem without which pgvector (0.8) refuses to build this index. It is 0 for a graph,
 * which can be built with less memory than it needs. k-means samples fifty vectors per list, at least ten thousand. It
 * keeps a distance between each sample and each centre, and between any two centres.
 * @param bits the bits of a signature.
 */
export function buildMemory({ kind, parameters }: Pick<VectorIndex, 'kind' | 'parameters'>, bits: number): number {
  if (vectorIndexKind[kind].method !== 'ivfflat') {
    return 0;
  }
  const lists = parameters.lists ?? defaultLists;
  const samples = Math.max(10_000, 50 * lists);
  const distances = 4 * lists * (samples + lists);
  const sumBytes = 4 * bits + 32;
  const indexedBytes = bits / 8 + 32;
  // The centres are kept twice, before and after a round, and once as sums. Sums are floats even for bits.
  const vectors = indexedBytes * (samples + 2 * lists) + sumBytes * lists;
  return Math.ceil(1.02 * (distances + vectors));
}
