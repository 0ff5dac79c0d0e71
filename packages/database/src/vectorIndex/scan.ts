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
  /** Up to how many rows that a filter leaves comparing all of them is at least as quick. */
  comparedWhole: number;
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
  /** How much of the index to look at, times what is usual for its kind. */
  effort: number;
  /** Instead of what is usual: see VectorScan. */
  comparedWhole: number | undefined;
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
  const candidates = candidatesOf[kind](wanted);
  // Which one of those with the same expression is taken is the planner's choice; the most lists need the most probes.
  const settings = usable
    .filter((index) => distanceOf(index.kind) === distance)
    .sort((a, b) => (a.parameters.lists ?? 0) - (b.parameters.lists ?? 0))
    .map((index) => settingsOf(index, candidates, wanted));
  const enough = Math.min(candidates, wanted.limit * 10);
  const comparedWhole = wanted.comparedWhole ?? comparedWholeOf(usable.at(-1)?.tableRows ?? null);
  return { settings: Object.assign({}, ...settings), distance, candidates, enough, comparedWhole, exact: false };
}

/**
 * Plans the comparison of every vector that the filter leaves. No index is sorted by this expression, so none can serve it,
 * whatever there is and whatever the planner thinks of it.
 */
export function planExactScan({ vector, query, dimensions, limit }: WantedScan): VectorScan {
  const distance = `(${vectorIndexKind.hnsw.distance(vector, query, dimensions)}) + 0`;
  return {
    settings: {},
    distance,
    candidates: limit,
    enough: limit,
    comparedWhole: Number.POSITIVE_INFINITY,
    exact: true,
  };
}

/**
 * A graph is jumped through, so looking at one of its rows takes ten times as long as comparing one, and a filter that leaves a
 * hundredth has it look at a hundred times as many. One that leaves a fifth of a small table hardly thins out anything.
 */
function comparedWholeOf(tableRows: number | null): number {
  return Math.min(20_000, (tableRows ?? Number.POSITIVE_INFINITY) / 5);
}

function ofBits({ limit, effort }: WantedScan): number {
  return Math.max(limit, Math.round(Math.max(400, limit * 20) * effort));
}

/** How many rows are put in order by their vectors, since the index knows them less exactly. */
const candidatesOf: Record<VectorIndexKind, (wanted: WantedScan) => number> = {
  hnsw: ({ limit }) => limit,
  // Half the bits of a mantissa decide only between vectors that are about as near.
  hnsw_halfvec: ({ limit }) => limit * 2,
  hnsw_binary: ofBits,
  ivfflat: ({ limit }) => limit,
  ivfflat_binary: ofBits,
};

function settingsOf(
  { kind, parameters }: VectorIndex,
  candidates: number,
  { effort, filtered }: WantedScan,
): Record<string, string> {
  switch (kind) {
    case 'hnsw':
      return hnsw(Math.max(250 * effort, candidates * 2), 'strict_order', filtered);
    case 'hnsw_halfvec':
      return hnsw(Math.max(250 * effort, candidates), 'relaxed_order', filtered);
    case 'hnsw_binary':
      return hnsw(candidates, 'relaxed_order', filtered);
    case 'ivfflat':
      return ivfflat(parameters.lists, effort);
    case 'ivfflat_binary':
      // Its lists are short and quickly read.
      return ivfflat(parameters.lists, 2 * effort);
  }
}

function hnsw(efSearch: number, order: 'strict_order' | 'relaxed_order', filtered: boolean): Record<string, string> {
  return {
    'hnsw.ef_search': String(Math.min(MAX_EF_SEARCH, Math.round(efSearch))),
    'hnsw.iterative_scan': order,
    ...(filtered ? { 'hnsw.max_scan_tuples': String(MAX_SCAN_TUPLES) } : {}),
  };
}

function ivfflat(lists = 100, effort: number): Record<string, string> {
  const probes = Math.max(1, Math.ceil(Math.sqrt(lists) * effort));
  return { 'ivfflat.probes': String(Math.min(lists, probes)), 'ivfflat.iterative_scan': 'relaxed_order' };
}
