import type { WantedIndex } from './defaultIndex';

const usual = { m: 12, ef_construction: 64 };

/** The vector indexes that are measured, by the names that `--kinds` takes; null is none: every search compares all rows. */
export const variants = {
  hnsw: { kind: 'hnsw', parameters: usual },
  hnsw_binary: { kind: 'hnsw_binary', parameters: usual },
  // What a larger graph gains and costs.
  hnsw_binary_m24: { kind: 'hnsw_binary', parameters: { m: 24, ef_construction: 128 } },
  ivfflat_binary: { kind: 'ivfflat_binary', parameters: {} },
  none: null,
} as const satisfies Record<string, WantedIndex | null>;

export type Variant = keyof typeof variants;
export const variantNames = Object.keys(variants) as Variant[];

export function isVariant(name: string): name is Variant {
  return Object.hasOwn(variants, name);
}
