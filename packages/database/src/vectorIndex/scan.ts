import type { VectorIndex } from './find';
import { type VectorIndexKind, vectorIndexKind } from './kinds';

/** How a search uses the index that is there. */
export interface VectorScan {
  /** Settings for the transaction. */
  settings: Record<string, string>;
  /** SQL: what the nearest candidates are sorted by, which must be the index's own expression for it to be used. */
  distance: string;
  /** How many of them to put in order by the vectors themselves. */
  candidates: number;
}

/** Where several are there, as while one is being replaced, the first of these is used: the best answers first. */
const preference: readonly VectorIndexKind[] = ['hnsw', 'hnsw_halfvec', 'ivfflat', 'hnsw_binary'];

/** hnsw.ef_search takes no more. */
const MAX_EF_SEARCH = 1_000;

/**
 * Plans a scan for the `limit` nearest of the query among rows that filters may thin out: an index scan goes on until it
 * has found enough (iterative scans, pgvector 0.8).
 * @param vector SQL of the vector column.
 * @param query SQL of the query's vector, with as many `dimensions`.
 */
export function planVectorScan(
  indexes: readonly VectorIndex[],
  { vector, query, dimensions, limit }: { vector: string; query: string; dimensions: number; limit: number },
): VectorScan {
  const usable = indexes.filter((index) => index.valid);
  const index = preference
    .map((kind) => usable.find((candidate) => candidate.kind === kind))
    .find((candidate) => candidate !== undefined);
  if (index === undefined) {
    return { settings: {}, distance: vectorIndexKind.hnsw.distance(vector, query, dimensions), candidates: limit };
  }
  const distance = vectorIndexKind[index.kind].distance(vector, query, dimensions);
  switch (index.kind) {
    case 'hnsw':
      return { settings: hnsw(Math.max(100, limit * 2), 'strict_order'), distance, candidates: limit };
    case 'hnsw_halfvec': {
      // Half the bits of a mantissa decide only between vectors that are about as near.
      const candidates = limit * 2;
      return { settings: hnsw(Math.max(100, candidates), 'relaxed_order'), distance, candidates };
    }
    case 'hnsw_binary': {
      const candidates = Math.max(400, limit * 20);
      return { settings: hnsw(candidates, 'relaxed_order'), distance, candidates };
    }
    case 'ivfflat': {
      const lists = index.parameters.lists ?? 100;
      const settings = {
        'ivfflat.probes': String(Math.max(1, Math.ceil(Math.sqrt(lists)))),
        'ivfflat.iterative_scan': 'relaxed_order',
      };
      return { settings, distance, candidates: limit };
    }
  }
}

function hnsw(efSearch: number, order: 'strict_order' | 'relaxed_order'): Record<string, string> {
  return { 'hnsw.ef_search': String(Math.min(MAX_EF_SEARCH, efSearch)), 'hnsw.iterative_scan': order };
}
