import type { VectorIndex } from './find';
import { defaultLists } from './ivfflat';
import { type VectorIndexKind, vectorIndexKind } from './kinds';

/** How a search finds the nearest rows. */
export interface VectorScan {
  /** Settings for the transaction. */
  settings: Record<string, string>;
  /** SQL: the expression that candidates are sorted by. It must be the index's own, or the index is not used. */
  distance: string;
  /** How many candidates are sorted by their vectors. */
  candidates: number;
  /** A scan with fewer candidates than this gave up too early. */
  enough: number;
  /** Comparing this many filtered rows is expected to take as long as this scan. */
  mostCompared: number;
  /** True when every filtered vector is compared, so that nothing can be missed. */
  exact: boolean;
}

/** The request of a search. */
export interface WantedScan {
  /** SQL of the vector column. */
  vector: string;
  /** SQL of the query's vector, which has this many `dimensions`. */
  query: string;
  dimensions: number;
  limit: number;
  /** How much of the index to look at, relative to what is usual for its kind. */
  effort: number;
  /** True when a filter removes rows. */
  filtered: boolean;
}

/** The upper limit of hnsw.ef_search. */
const maxEfSearch = 1_000;

/**
 * How many rows of a graph a scan visits to find enough that pass the filter: 400 of a filter that leaves a hundredth. A
 * scan of 50,000 rows did not fit into a work_mem of 4 MB, and comparing all rows costs less for narrower filters.
 */
const maxScanTuples = 40_000;

/** A tenth of a second when the table is in memory. When it is not, rows at random places take far longer. */
const maxCompared = 100_000;

/** Visiting a row of a graph takes about twenty times as long as comparing one in order (measured over a million rows). */
const graphRowCost = 20;

/** Rows of a list are read in order, and they are short. */
const listRowCost = 0.25;

/**
 * Plans a scan by the newest index that goes on until it has found enough (iterative scans, pgvector 0.8). While one index
 * replaces another, the newest is the one that stays.
 * @param indexes the newest last.
 */
export function planVectorScan(indexes: readonly VectorIndex[], wanted: WantedScan): VectorScan {
  const usable = indexes.filter((index) => index.valid);
  const newest = usable.at(-1);
  if (newest === undefined) {
    return planExactScan(wanted);
  }
  const distanceOf = (kind: VectorIndexKind) =>
    vectorIndexKind[kind].distance(wanted.vector, wanted.query, wanted.dimensions);
  const distance = distanceOf(newest.kind);
  const candidates = candidatesOf(newest.kind, wanted);
  // The planner may choose any index over the same expression. The one with the most lists needs the most probes.
  const settings = usable
    .filter((index) => distanceOf(index.kind) === distance)
    .sort((a, b) => (a.parameters.lists ?? 0) - (b.parameters.lists ?? 0))
    .map((index) => reachOf(index, candidates, wanted).settings);
  const { minRows, rowCost } = reachOf(newest, candidates, wanted);
  // To find its candidates among the `left` rows of a filter, a scan visits candidates * tableRows / left rows. Comparing
  // all `left` rows takes as long when left = rowCost * candidates * tableRows / left.
  const equallyFast = Math.max(rowCost * minRows, Math.sqrt(rowCost * candidates * (newest.tableRows ?? 0)));
  return {
    settings: Object.assign({}, ...settings),
    distance,
    candidates,
    enough: Math.min(candidates, wanted.limit * 10),
    mostCompared: Math.min(maxCompared, equallyFast),
    exact: false,
  };
}

/** Plans the comparison of every filtered vector. No index is sorted by this expression, so the planner can use none. */
export function planExactScan({ vector, query, dimensions, limit }: WantedScan): VectorScan {
  const distance = `(${vectorIndexKind.hnsw.distance(vector, query, dimensions)}) + 0`;
  return {
    settings: {},
    distance,
    candidates: limit,
    enough: limit,
    mostCompared: Number.POSITIVE_INFINITY,
    exact: true,
  };
}

/** Returns how many rows are sorted by their vectors. An index over bits orders rows only roughly. */
function candidatesOf(kind: VectorIndexKind, { limit, effort }: WantedScan): number {
  return kind === 'hnsw' ? limit : Math.max(limit, Math.round(Math.max(400, limit * 20) * effort));
}

/** How far a scan goes through an index. */
interface Reach {
  settings: Record<string, string>;
  /** How many rows the scan visits at least. */
  minRows: number;
  /** How many rows can be compared in the time of visiting one. */
  rowCost: number;
}

function reachOf(index: VectorIndex, candidates: number, { limit, effort, filtered }: WantedScan): Reach {
  switch (index.kind) {
    case 'hnsw':
      return reachOfGraph(Math.max(250, limit * 2) * effort, 'strict_order', filtered);
    case 'hnsw_binary':
      return reachOfGraph(candidates, 'relaxed_order', filtered);
    case 'ivfflat_binary':
      return reachOfLists(index, 2 * effort);
  }
}

function reachOfGraph(efSearch: number, order: 'strict_order' | 'relaxed_order', filtered: boolean): Reach {
  const minRows = Math.min(maxEfSearch, Math.round(efSearch));
  const settings = {
    'hnsw.ef_search': String(minRows),
    'hnsw.iterative_scan': order,
    ...(filtered ? { 'hnsw.max_scan_tuples': String(maxScanTuples) } : {}),
  };
  return { settings, minRows, rowCost: graphRowCost };
}

function reachOfLists({ parameters, tableRows }: VectorIndex, effort: number): Reach {
  const { lists = defaultLists } = parameters;
  const probes = Math.min(lists, Math.max(1, Math.ceil(Math.sqrt(lists) * effort)));
  const settings = { 'ivfflat.probes': String(probes), 'ivfflat.iterative_scan': 'relaxed_order' };
  return { settings, minRows: ((tableRows ?? 0) * probes) / lists, rowCost: listRowCost };
}
