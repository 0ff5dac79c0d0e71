/**
 * How vectors can be indexed (pgvector 0.8). HNSW: Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320.
 *
 * - `hnsw`: a graph over the vectors as they are.
 * - `hnsw_halfvec`: the same over 16-bit floats, half as large; the nearest are put in order by the vectors themselves.
 * - `hnsw_binary`: the same over one bit a dimension, a twelfth as large; many candidates are needed, and put in order.
 * - `ivfflat`: lists around centres that are found when the index is built, so build it over rows that are there.
 * - `ivfflat_binary`: such lists of one bit a dimension, which are read through quickly.
 *
 * Without any of them a search compares every vector, which is exact.
 */
export const vectorIndexKinds = ['hnsw', 'hnsw_halfvec', 'hnsw_binary', 'ivfflat', 'ivfflat_binary'] as const;
export type VectorIndexKind = (typeof vectorIndexKinds)[number];

interface KindEntry {
  method: 'hnsw' | 'ivfflat';
  operatorClass: string;
  /** SQL: what of the vector column stands in the index. */
  indexed: (vector: string, dimensions: number) => string;
  /** SQL: how far an indexed row is from the query, as the index sorts it. */
  distance: (vector: string, query: string, dimensions: number) => string;
}

const asHalf = (vector: string, dimensions: number) => `(${vector}::halfvec(${dimensions}))`;
const asBits = (vector: string, dimensions: number) => `(binary_quantize(${vector})::bit(${dimensions}))`;
const itself = {
  operatorClass: 'vector_cosine_ops',
  indexed: (vector: string) => vector,
  distance: (vector: string, query: string) => `${vector} <=> ${query}`,
};
const itsBits = {
  operatorClass: 'bit_hamming_ops',
  indexed: asBits,
  distance: (vector: string, query: string, dimensions: number) =>
    `${asBits(vector, dimensions)} <~> ${asBits(query, dimensions)}`,
};

/** What tells the kinds apart in SQL. */
export const vectorIndexKind: Record<VectorIndexKind, KindEntry> = {
  hnsw: { method: 'hnsw', ...itself },
  ivfflat: { method: 'ivfflat', ...itself },
  hnsw_halfvec: {
    method: 'hnsw',
    operatorClass: 'halfvec_cosine_ops',
    indexed: asHalf,
    distance: (vector, query, dimensions) => `${asHalf(vector, dimensions)} <=> ${asHalf(query, dimensions)}`,
  },
  hnsw_binary: { method: 'hnsw', ...itsBits },
  ivfflat_binary: { method: 'ivfflat', ...itsBits },
};

/** The kind with this access method and operator class; null for an index that is none of ours. */
export function kindOf(method: string, operatorClass: string): VectorIndexKind | null {
  const matches = (kind: VectorIndexKind) =>
    vectorIndexKind[kind].method === method && vectorIndexKind[kind].operatorClass === operatorClass;
  return vectorIndexKinds.find(matches) ?? null;
}
