import { findVectorIndexes, type VectorIndex, VectorIndexBuilder, type VectorIndexKind } from '@millrace/database';
import { withCleanUp } from '../cleanUp';
import type { Dataset } from './dataset';
import { removeLiveRows } from './liveRows';

/** An index to build. */
export interface WantedIndex {
  kind: VectorIndexKind;
  /** Such as { m: 12, ef_construction: 64 }. For missing ones VectorIndexBuilder's defaults hold. */
  parameters: Record<string, number>;
  /** The effort that counts as 1 in this benchmark. */
  effort?: number;
}

/** The indexes that are measured, by the names that `--kinds` takes. With null every search compares all rows. */
const variants = {
  // What the migrations make.
  hnsw_binary: { kind: 'hnsw_binary', parameters: { m: 12, ef_construction: 64 } },
  hnsw_binary_m24: { kind: 'hnsw_binary', parameters: { m: 24, ef_construction: 128 } },
  hnsw: { kind: 'hnsw', parameters: { m: 12, ef_construction: 64 } },
  // pgvector's own defaults: what a user would have otherwise. The effort makes hnsw.ef_search 40.
  hnsw_default: { kind: 'hnsw', parameters: { m: 16, ef_construction: 64 }, effort: 0.16 },
  ivfflat_binary: { kind: 'ivfflat_binary', parameters: {} },
  none: null,
} as const satisfies Record<string, WantedIndex | null>;

export type Variant = keyof typeof variants;
export const variantNames = Object.keys(variants) as Variant[];

export function isVariant(name: string): name is Variant {
  return Object.hasOwn(variants, name);
}

export function variantOf(name: Variant): WantedIndex | null {
  return variants[name];
}

/** Returns the one index of `--kinds`, or the default one. @throws Error when `--kinds` names several kinds or no index. */
export function oneIndex(kinds: readonly string[] = ['hnsw_binary']): WantedIndex {
  const [name = '', ...others] = kinds;
  const wanted = isVariant(name) ? variantOf(name) : null;
  if (wanted === null || others.length > 0) {
    throw new Error('This benchmark takes one kind of vector index, and not none.');
  }
  return wanted;
}

/** The bytes per row of a graph over 768 dimensions with m = 12 while it is built. */
const bytesOfARow: Partial<Record<VectorIndexKind, number>> = { hnsw: 4_300, hnsw_binary: 900 };

/** The bytes per row of each further connection: 16 for each of two in the lowest layer, and some above it. */
const bytesOfAConnection = 40;

/** Returns maintenance_work_mem for a graph over this many rows. The builder knows what IVFFlat needs. */
function memoryFor({ kind, parameters: { m = 12 } }: WantedIndex, rows: number): { memory?: string } {
  const ofM12 = bytesOfARow[kind];
  const bytes = ofM12 === undefined ? undefined : ofM12 + Math.max(0, m - 12) * bytesOfAConnection;
  return bytes === undefined ? {} : { memory: `${Math.max(256, Math.ceil((rows * bytes) / 2 ** 20))}MB` };
}

/** Builds the index in place of the others. An interrupt ends the build at the server too. */
export async function buildIndex(
  { database, databaseUrl, rows }: Dataset,
  wanted: WantedIndex,
): Promise<{ index: VectorIndex; seconds: number }> {
  const { m, ef_construction: efConstruction, lists } = wanted.parameters;
  const interrupt = new AbortController();
  const builder = new VectorIndexBuilder(database, { databaseUrl }, interrupt.signal);
  const startedAt = performance.now();
  const building = builder.build(wanted.kind, {
    ...memoryFor(wanted, rows),
    ...(m === undefined ? {} : { m }),
    ...(efConstruction === undefined ? {} : { efConstruction }),
    ...(lists === undefined ? {} : { lists }),
    handOverMs: 0,
  });
  const index = await withCleanUp(
    () => building,
    async () => {
      interrupt.abort();
      // The next benchmark is refused while a build runs, so wait until the server has ended it.
      await building.catch(() => undefined);
    },
  );
  return { index, seconds: (performance.now() - startedAt) / 1000 };
}

/** Drops every vector index. */
export async function dropIndexes({ database, databaseUrl }: Pick<Dataset, 'database' | 'databaseUrl'>): Promise<void> {
  await new VectorIndexBuilder(database, { databaseUrl }).drop();
}

/**
 * Returns the set to its own rows and this index alone. An existing index is kept if it is the wanted one and no rows were
 * inserted since it was built: deleted rows would stay in a graph and slow it down.
 */
export async function keepIndex(dataset: Dataset, wanted: WantedIndex): Promise<VectorIndex> {
  const removed = await removeLiveRows(dataset);
  const [index, ...others] = await findVectorIndexes(dataset.database.sql);
  if (index !== undefined && others.length === 0 && removed === 0 && isAsWanted(index, wanted)) {
    return index;
  }
  await dropIndexes(dataset);
  console.error(`Building the vector index (${wanted.kind}) over ${dataset.rows} rows ...`);
  return (await buildIndex(dataset, wanted)).index;
}

function isAsWanted(index: VectorIndex, { kind, parameters }: WantedIndex): boolean {
  const differs = Object.entries(parameters).some(([name, value]) => index.parameters[name] !== value);
  return index.valid && index.kind === kind && !differs;
}
