import type { VectorIndex } from './find';
import { defaultLists } from './ivfflat';
import { indexedSignature, indexedSigns, type VectorIndexKind, vectorIndexKind } from './kinds';

/** How a search finds the nearest rows. */
export interface VectorScan {
  /** Settings for the transaction. */
  settings: Record<string, string>;
  /** SQL: the order in which the scan finds candidates. It must be the index's own expression, or the index is not used. */
  distance: string;
  /** The mean of the signatures that are compared, or null when none are. */
  meanId: string | null;
  /** How many candidates the scan returns. They are then ranked by the exact distance. */
  candidates: number;
  /** If the scan finds fewer candidates than this, a filtered search compares all filtered rows instead. */
  minCandidates: number;
  /** If a filter leaves at most this many rows, all of them are compared and the index is not used. */
  maxExactRows: number;
  /** True when every filtered vector is compared, so that nothing can be missed. */
  exact: boolean;
}

/** The request of a search. */
export interface WantedScan {
  /** SQL of the query's vector, which has this many `dimensions`. The rows have the alias c. */
  query: string;
  dimensions: number;
  /** SQL of the query's signature. */
  signature: string;
  limit: number;
  /** How much of the index to look at, relative to what is usual for its kind. */
  effort: number;
  /** True when a filter removes rows. */
  filtered: boolean;
}

/** The upper limit of hnsw.ef_search. */
const maxEfSearch = 1_000;

/**
 * The most rows that a filtered scan of an HNSW index visits. If 1% of the rows pass the filter, it finds about 400. A scan
 * of 50,000 rows did not fit into a work_mem of 4 MB. For narrower filters comparing all rows is cheaper.
 */
const maxScanTuples = 40_000;

/** The most rows to compare one by one. It takes about 0.1 s when the table is in memory, and far longer from disk. */
const maxCompared = 100_000;

/** Visiting a row of an HNSW index takes about twenty times as long as comparing a row (measured over a million rows). */
const graphRowCost = 20;

/** Visiting a row of an IVFFlat list takes a quarter of the time of comparing a row: it is short and read in order. */
const listRowCost = 0.25;

/**
 * Plans a scan of the newest valid index. It is iterative (pgvector 0.8): it continues until it has found enough rows.
 * Without a valid index all rows are compared. While one index replaces another, the newest is the one that stays.
 * @param indexes the newest last.
 */
export function planVectorScan(indexes: readonly VectorIndex[], wanted: WantedScan): VectorScan {
  const usable = indexes.filter((index) => index.valid);
  const newest = usable.at(-1);
  if (newest === undefined) {
    return planExactScan(wanted);
  }
  const distance = distanceOf(newest, wanted);
  const candidates = candidatesOf(newest.kind, wanted);
  // The planner may choose any index over the same expression. The one with the most lists needs the most probes.
  const settings = usable
    .filter((index) => distanceOf(index, wanted) === distance)
    .sort((a, b) => (a.parameters.lists ?? 0) - (b.parameters.lists ?? 0))
    .map((index) => indexScanOf(index, candidates, wanted).settings);
  const { minRows, rowCost } = indexScanOf(newest, candidates, wanted);
  // To find its candidates among the `left` rows of a filter, a scan visits candidates * tableRows / left rows. Comparing
  // all `left` rows takes as long when left = rowCost * candidates * tableRows / left. A scan visits at least minRows.
  const equallyFast = Math.max(rowCost * minRows, Math.sqrt(rowCost * candidates * (newest.tableRows ?? 0)));
  return {
    settings: Object.assign({}, ...settings),
    distance,
    meanId: newest.signatures?.meanId ?? null,
    candidates,
    minCandidates: Math.min(candidates, wanted.limit * 10),
    maxExactRows: Math.min(maxCompared, equallyFast),
    exact: false,
  };
}

/** Plans the comparison of every filtered vector. The `+ 0` keeps PostgreSQL from using an index. */
export function planExactScan({ query, limit }: WantedScan): VectorScan {
  return {
    settings: {},
    distance: `(${vectorDistance(query)}) + 0`,
    meanId: null,
    candidates: limit,
    minCandidates: limit,
    maxExactRows: Number.POSITIVE_INFINITY,
    exact: true,
  };
}

function vectorDistance(query: string): string {
  return `c.embedding <=> ${query}`;
}

/** SQL: the distance by which the index is sorted. */
function distanceOf({ kind, signatures }: VectorIndex, { query, dimensions, signature }: WantedScan): string {
  if (!vectorIndexKind[kind].overBits) {
    return vectorDistance(query);
  }
  return signatures === null
    ? `${indexedSigns('c.embedding', dimensions)} <~> ${indexedSigns(query, dimensions)}`
    : `${indexedSignature(signatures.slot, dimensions, 'c.')} <~> ${signature}`;
}

/** Returns how many candidates are ranked by the exact distance. An index over bits orders rows only roughly, so it needs more. */
function candidatesOf(kind: VectorIndexKind, { limit, effort }: WantedScan): number {
  return kind === 'hnsw' ? limit : Math.max(limit, Math.round(Math.max(400, limit * 20) * effort));
}

/** How a scan uses one index. */
interface IndexScan {
  settings: Record<string, string>;
  /** How many rows the scan visits at least. */
  minRows: number;
  /** How many rows can be compared in the time of visiting one. */
  rowCost: number;
}

function indexScanOf(index: VectorIndex, candidates: number, { limit, effort, filtered }: WantedScan): IndexScan {
  switch (index.kind) {
    case 'hnsw':
      return hnswScan(Math.max(250, limit * 2) * effort, 'strict_order', filtered);
    case 'hnsw_binary':
      return hnswScan(candidates * visitedPerVisible(index), 'relaxed_order', filtered);
    case 'ivfflat_binary':
      return ivfflatScan(index, 2 * effort);
  }
}

/**
 * Returns how many rows a scan visits for each that it may return. An iterative scan that lacks even one candidate visits as many rows
 * again. So it begins with some more, where versions are hidden.
 */
function visitedPerVisible({ hiddenShare }: VectorIndex): number {
  return hiddenShare === 0 ? 1 : 1.1 / Math.max(0.1, 1 - hiddenShare);
}

function hnswScan(efSearch: number, order: 'strict_order' | 'relaxed_order', filtered: boolean): IndexScan {
  const minRows = Math.min(maxEfSearch, Math.round(efSearch));
  const settings = {
    'hnsw.ef_search': String(minRows),
    'hnsw.iterative_scan': order,
    ...(filtered ? { 'hnsw.max_scan_tuples': String(maxScanTuples) } : {}),
  };
  return { settings, minRows, rowCost: graphRowCost };
}

function ivfflatScan({ parameters, tableRows }: VectorIndex, effort: number): IndexScan {
  const { lists = defaultLists } = parameters;
  const probes = Math.min(lists, Math.max(1, Math.ceil(Math.sqrt(lists) * effort)));
  const settings = { 'ivfflat.probes': String(probes), 'ivfflat.iterative_scan': 'relaxed_order' };
  return { settings, minRows: ((tableRows ?? 0) * probes) / lists, rowCost: listRowCost };
}
