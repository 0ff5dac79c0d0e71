/**
 * The ways to index vectors (pgvector 0.8). HNSW: Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320.
 *
 * - `hnsw_binary`: a graph over one bit per dimension, a twelfth as large as `hnsw`. The best of many candidates are found by
 *   their vectors.
 * - `hnsw`: a graph over the vectors.
 * - `ivfflat_binary`: lists of one bit per dimension around centres. The centres are found when the index is built, so it is
 *   built over rows that are there.
 *
 * Without an index a search compares every vector, which is exact. Decision 0018 says why there are no other kinds.
 */
export const vectorIndexKinds = ['hnsw_binary', 'hnsw', 'ivfflat_binary'] as const;
export type VectorIndexKind = (typeof vectorIndexKinds)[number];

interface KindEntry {
  method: 'hnsw' | 'ivfflat';
  operatorClass: string;
  /** SQL: the indexed expression of the vector column. */
  indexed: (vector: string, dimensions: number) => string;
  /** SQL: the distance between an indexed row and the query, as the index sorts it. */
  distance: (vector: string, query: string, dimensions: number) => string;
}

const asBits = (vector: string, dimensions: number) => `(binary_quantize(${vector})::bit(${dimensions}))`;

const overBits = {
  operatorClass: 'bit_hamming_ops',
  indexed: asBits,
  distance: (vector: string, query: string, dimensions: number) =>
    `${asBits(vector, dimensions)} <~> ${asBits(query, dimensions)}`,
};

/** What each kind means in SQL. */
export const vectorIndexKind: Record<VectorIndexKind, KindEntry> = {
  hnsw_binary: { method: 'hnsw', ...overBits },
  hnsw: {
    method: 'hnsw',
    operatorClass: 'vector_cosine_ops',
    indexed: (vector) => vector,
    distance: (vector, query) => `${vector} <=> ${query}`,
  },
  ivfflat_binary: { method: 'ivfflat', ...overBits },
};

/** Returns the kind with this access method and operator class, or null for an index of another kind. */
export function kindOf(method: string, operatorClass: string): VectorIndexKind | null {
  const matches = (kind: VectorIndexKind) =>
    vectorIndexKind[kind].method === method && vectorIndexKind[kind].operatorClass === operatorClass;
  return vectorIndexKinds.find(matches) ?? null;
}
