import type { VectorIndex } from './find';
import { type VectorIndexKind, vectorIndexKind } from './kinds';

/** How a search finds what is nearest. */
export interface VectorScan {
  /** Settings for the transaction. */
  settings: Record<string, string>;
  /** SQL: what the nearest candidates are sorted by, which must be the index's own expression for it to be used. */
  distance: string;
  /** How many of them to put in order by the vectors themselves. */
  candidates: number;
  /** With fewer candidates than these a scan has given up too early. */
  enough: number;
  /** Whether every vector that the filter leaves is compared, so that nothing can be missed. */
  exact: boolean;
}

/** What a search is for. */
export interface WantedScan {
  /** SQL of the vector column. */
  vector: string;
  /** SQL of the query's vector, with as many `dimensions`. */
  query: string;
  dimensions: number;
  limit: number;
  /** Whether a filter thins out the rows. */
  filtered: boolean;
}

/** hnsw.ef_search takes no more. */
const MAX_EF_SEARCH = 1_000;

/**
 * How many rows of an HNSW index are looked at for those that a filter lets pass: four hundred of a hundredth. More
 * would hardly fit into a work_mem of 4 MB (50,000 did), and of what leaves so little it costs less to compare all.
 */
const MAX_SCAN_TUPLES = 40_000;

/**
 * Plans a scan that goes on until it has found enough (iterative scans, pgvector 0.8), by the newest index there is: while one
 * takes another's place, that is the one that stays.
 * @param indexes the newest last
 */
export function planVectorScan(indexes: readonly VectorIndex[], wanted: WantedScan): VectorScan {
  const usable = indexes.filter((index) => index.valid);
  const kind = usable.at(-1)?.kind;
  if (kind === undefined) {
    return planExactScan(wanted);
  }
  const distanceOf = (of: VectorIndexKind) =>
    vectorIndexKind[of].distance(wanted.vector, wanted.query, wanted.dimensions);
  const distance = distanceOf(kind);
  const candidates = candidatesOf[kind](wanted.limit);
  // Which one of those with the same expression is taken is the planner's choice; the most lists need the most probes.
  const settings = usable
    .filter((index) => distanceOf(index.kind) === distance)
    .sort((a, b) => (a.parameters.lists ?? 0) - (b.parameters.lists ?? 0))
    .map((index) => settingsOf(index, candidates, wanted.filtered));
  const enough = Math.min(candidates, wanted.limit * 10);
  return { settings: Object.assign({}, ...settings), distance, candidates, enough, exact: false };
}

/**
 * Plans the comparison of every vector that the filter leaves. No index is sorted by this expression, so none can serve it,
 * whatever there is and whatever the planner thinks of it.
 */
export function planExactScan({ vector, query, dimensions, limit }: WantedScan): VectorScan {
  const distance = `(${vectorIndexKind.hnsw.distance(vector, query, dimensions)}) + 0`;
  return { settings: {}, distance, candidates: limit, enough: limit, exact: true };
}

/** How many rows are put in order by their vectors, since the index knows them less exactly. */
const candidatesOf: Record<VectorIndexKind, (limit: number) => number> = {
  hnsw: (limit) => limit,
  // Half the bits of a mantissa decide only between vectors that are about as near.
  hnsw_halfvec: (limit) => limit * 2,
  hnsw_binary: (limit) => Math.max(400, limit * 20),
  ivfflat: (limit) => limit,
};

function settingsOf({ kind, parameters }: VectorIndex, candidates: number, filtered: boolean): Record<string, string> {
  switch (kind) {
    case 'hnsw':
      return hnsw(Math.max(250, candidates * 2), 'strict_order', filtered);
    case 'hnsw_halfvec':
      return hnsw(Math.max(250, candidates), 'relaxed_order', filtered);
    case 'hnsw_binary':
      return hnsw(candidates, 'relaxed_order', filtered);
    case 'ivfflat': {
      const lists = parameters.lists ?? 100;
      return {
        'ivfflat.probes': String(Math.max(1, Math.ceil(Math.sqrt(lists)))),
        'ivfflat.iterative_scan': 'relaxed_order',
      };
    }
  }
}

function hnsw(efSearch: number, order: 'strict_order' | 'relaxed_order', filtered: boolean): Record<string, string> {
  return {
    'hnsw.ef_search': String(Math.min(MAX_EF_SEARCH, efSearch)),
    'hnsw.iterative_scan': order,
    ...(filtered ? { 'hnsw.max_scan_tuples': String(MAX_SCAN_TUPLES) } : {}),
  };
}
