import type { VectorIndex } from './find';
import { vectorIndexKind } from './kinds';

/**
 * Bytes of maintenance_work_mem without which pgvector (0.8) refuses to build this index; 0 for a graph, which can do with less
 * than it needs. k-means takes a sample of fifty vectors a list, ten thousand at least, and keeps a distance between each of
 * them and each centre, and between any two centres.
 * @param dimensions of the vectors, each of which is counted whole: bits take less
 */
export function ivfflatMemory(
  { kind, parameters }: Pick<VectorIndex, 'kind' | 'parameters'>,
  dimensions: number,
): number {
  if (vectorIndexKind[kind].method !== 'ivfflat') {
    return 0;
  }
  const lists = parameters.lists ?? 100;
  const samples = Math.max(10_000, 50 * lists);
  const distances = 4 * lists * (samples + lists);
  const vectors = (4 * dimensions + 32) * (samples + 3 * lists);
  return Math.ceil(1.02 * (distances + vectors));
}
