import { signatureBits } from '../signature/signature';
import { columnOf, type Slot } from '../signature/slots';

/**
 * The ways to index vectors (pgvector 0.8). HNSW: Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320.
 *
 * - `hnsw_binary`: a graph over signatures, two bits per dimension. It is a ninth as large as `hnsw`. The best of many
 *   candidates are found by their vectors.
 * - `hnsw`: a graph over the vectors.
 * - `ivfflat_binary`: lists of signatures around centres. The centres are found when the index is built, so it is built over
 *   rows that are there.
 *
 * Without an index a search compares every vector, which is exact. Decision 0018 says why there are no other kinds.
 */
export const vectorIndexKinds = ['hnsw_binary', 'hnsw', 'ivfflat_binary'] as const;
export type VectorIndexKind = (typeof vectorIndexKinds)[number];

interface KindEntry {
  method: 'hnsw' | 'ivfflat';
  operatorClass: string;
  /** True when it is over bits, which order rows only roughly. */
  overBits: boolean;
}

/** What each kind means in SQL. */
export const vectorIndexKind: Record<VectorIndexKind, KindEntry> = {
  hnsw_binary: { method: 'hnsw', operatorClass: 'bit_hamming_ops', overBits: true },
  hnsw: { method: 'hnsw', operatorClass: 'vector_cosine_ops', overBits: false },
  ivfflat_binary: { method: 'ivfflat', operatorClass: 'bit_hamming_ops', overBits: true },
};

/** Returns the kind with this access method and operator class, or null for an index of another kind. */
export function kindOf(method: string, operatorClass: string): VectorIndexKind | null {
  const matches = (kind: VectorIndexKind) =>
    vectorIndexKind[kind].method === method && vectorIndexKind[kind].operatorClass === operatorClass;
  return vectorIndexKinds.find(matches) ?? null;
}

/**
 * SQL: a slot's signature as it is indexed. The cast has the number of bits: a search with vectors of other dimensions then
 * does not use the index instead of failing.
 * @param row the row's alias with a full stop, or nothing.
 */
export function indexedSignature(slot: Slot, dimensions: number, row = ''): string {
  return `(${row}${columnOf(slot)}::bit(${signatureBits(dimensions)}))`;
}

/** SQL: the signs of a vector, as versions before signatures have indexed them. */
export function indexedSigns(vector: string, dimensions: number): string {
  return `(binary_quantize(${vector})::bit(${dimensions}))`;
}
