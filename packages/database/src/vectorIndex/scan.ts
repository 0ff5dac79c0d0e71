import type { VectorIndex } from './find';
import { defaultLists } from './ivfflatLists';
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
  /** Up to how many rows that a filter leaves comparing all of them is expected to be as quick as this scan. */
  mostCompared: number;
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
  /** Whether a filter thins out the rows. */
  filtered: boolean;
}

/** hnsw.ef_search takes no more. */
const maxEfSearch = 1_000;

/**
 * How many rows of an HNSW index are looked at for those that a filter lets pass: four hundred of a hundredth. More
 * would hardly fit into a work_mem of 4 MB (50,000 did), and of what leaves so little it costs less to compare all.
 */
const maxScanTuples = 40_000;

/** Never more than this, a tenth of a second in memory: where the table is not, rows anywhere in it take far longer. */
const maxCompared = 100_000;

/**
 * Plans a scan that goes on until it has found enough (iterative scans, pgvector 0.8), by the newest index there is: while one
 * takes another's place, that is the one that stays.
 * @param indexes the newest last
 */
export function planVectorScan(indexes: readonly VectorIndex[], wanted: WantedScan): VectorScan {
  const usable = indexes.filter((index) => index.valid);
  const newest = usable.at(-1);
  if (newest === undefined) {
    return planExactScan(wanted);
  }
  const distanceOf = (of: VectorIndexKind) =>
    vectorIndexKind[of].distance(wanted.vector, wanted.query, wanted.dimensions);
  const distance = distanceOf(newest.kind);
  const candidates = candidatesOf[newest.kind](wanted);
  // Which one of those with the same expression is taken is the planner's choice; the most lists need the most probes.
  const settings = usable
    .filter((index) => distanceOf(index.kind) === distance)
    .sort((a, b) => (a.parameters.lists ?? 0) - (b.parameters.lists ?? 0))
    .map((index) => reachOf(index, candidates, wanted).settings);
  const { atLeast, cost } = reachOf(newest, candidates, wanted);
  // To find its candidates among the `left` rows of a filter, a scan looks at candidates * tableRows / left rows, and comparing
  // `left` rows takes as long where they are `cost` times as many.
  const asQuick = Math.max(cost * atLeast, Math.sqrt(cost * candidates * (newest.tableRows ?? 0)));
  return {
    settings: Object.assign({}, ...settings),
    distance,
    candidates,
    enough: Math.min(candidates, wanted.limit * 10),
    mostCompared: Math.min(maxCompared, asQuick),
    exact: false,
  };
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
    mostCompared: Number.POSITIVE_INFINITY,
    exact: true,
  };
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

/** How far a scan goes through an index. */
interface Reach {
  settings: Record<string, string>;
  /** How many rows it looks at, however little it needs. */
  atLeast: number;
  /** How many rows can be compared while it looks at one. */
  cost: number;
}

function reachOf(index: VectorIndex, candidates: number, { limit, effort, filtered }: WantedScan): Reach {
  switch (index.kind) {
    case 'hnsw':
      return hnsw(Math.max(250, limit * 2) * effort, 'strict_order', filtered);
    case 'hnsw_halfvec':
      return hnsw(Math.max(250, limit * 2) * effort, 'relaxed_order', filtered);
    case 'hnsw_binary':
      return hnsw(candidates, 'relaxed_order', filtered);
    case 'ivfflat':
      return ivfflat(index, effort, 1);
    case 'ivfflat_binary':
      // Its lists are short and quickly read.
      return ivfflat(index, 2 * effort, 0.25);
  }
}

/** Rows of a graph are jumped to, and looked at twenty times as long as it takes to compare one (measured over a million). */
function hnsw(efSearch: number, order: 'strict_order' | 'relaxed_order', filtered: boolean): Reach {
  const atLeast = Math.min(maxEfSearch, Math.round(efSearch));
  const settings = {
    'hnsw.ef_search': String(atLeast),
    'hnsw.iterative_scan': order,
    ...(filtered ? { 'hnsw.max_scan_tuples': String(maxScanTuples) } : {}),
  };
  return { settings, atLeast, cost: 20 };
}

/** Rows of lists are read one after the other. */
function ivfflat({ parameters, tableRows }: VectorIndex, effort: number, cost: number): Reach {
  const { lists = defaultLists } = parameters;
  const probes = Math.min(lists, Math.max(1, Math.ceil(Math.sqrt(lists) * effort)));
  const settings = { 'ivfflat.probes': String(probes), 'ivfflat.iterative_scan': 'relaxed_order' };
  return { settings, atLeast: ((tableRows ?? 0) * probes) / lists, cost };
}
