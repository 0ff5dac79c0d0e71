import type { VectorIndex } from './find';
import { defaultLists } from './ivfflatLists';
import { vectorIndexKind } from './kinds';

/**
 * Bytes of maintenance_work_mem without which pgvector (0.8) refuses to build this index; 0 for a graph, which can do with less
 * than it needs. k-means takes a sample of fifty vectors a list, ten thousand at least, and keeps a distance between each of
 * them and each centre, and between any two centres.
 * @param dimensions of the vectors
 */
export function ivfflatMemory(
  { kind, parameters }: Pick<VectorIndex, 'kind' | 'parameters'>,
  dimensions: number,
): number {
  if (vectorIndexKind[kind].method !== 'ivfflat') {
    return 0;
  }
  const lists = parameters.lists ?? defaultLists;
  const samples = Math.max(10_000, 50 * lists);
  const distances = 4 * lists * (samples + lists);
  const wholeBytes = 4 * dimensions + 32;
  const indexedBytes = kind === 'ivfflat_binary' ? dimensions / 8 + 32 : wholeBytes;
  // The centres twice, before and after a round, and once as sums, which are floats even of bits.
  const vectors = indexedBytes * (samples + 2 * lists) + wholeBytes * lists;
  return Math.ceil(1.02 * (distances + vectors));
}
