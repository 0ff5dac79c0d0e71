import { findVectorIndexes, type VectorIndex, VectorIndexBuilder, type VectorIndexKind } from '@millrace/database';
import { withCleanUp } from '../cleanUp';
import type { Dataset } from './dataset';
import type { WantedIndex } from './defaultIndex';
import { removeLiveRows } from './liveRows';

/** A graph that is full of deleted rows finds less and takes longer, so it is built anew beyond this share. */
const mostDeleted = 0.1;

/** What a graph of 768-d vectors with m = 12 takes in memory while it is built, in bytes a row. */
const bytesOfARow: Partial<Record<VectorIndexKind, number>> = {
  hnsw: 4_300,
  hnsw_binary: 800,
};

/** And for each connection beyond that: 16 bytes in the lowest layer, where there are two for each of m, and some above it. */
const bytesOfAConnection = 40;

/** maintenance_work_mem for the build of a graph over so many rows; IVFFlat gets what it needs from the builder. */
function buildMemory({ kind, parameters: { m = 12 } }: WantedIndex, rows: number): { memory?: string } {
  const ofM12 = bytesOfARow[kind];
  const bytes = ofM12 === undefined ? undefined : ofM12 + Math.max(0, m - 12) * bytesOfAConnection;
  return bytes === undefined ? {} : { memory: `${Math.max(256, Math.ceil((rows * bytes) / 2 ** 20))}MB` };
}

export interface Built {
  index: VectorIndex;
  seconds: number;
}

/** Builds such an index in place of what there is. An interrupt ends the build at the server as well. */
export async function buildIndex({ database, databaseUrl, division }: Dataset, wanted: WantedIndex): Promise<Built> {
  const { m, ef_construction: efConstruction, lists } = wanted.parameters;
  const interrupt = new AbortController();
  const builder = new VectorIndexBuilder(database, { databaseUrl }, interrupt.signal);
  const startedAt = performance.now();
  const building = builder.build(wanted.kind, {
    ...buildMemory(wanted, division.rows),
    ...(m === undefined ? {} : { m }),
    ...(efConstruction === undefined ? {} : { efConstruction }),
    ...(lists === undefined ? {} : { lists }),
  });
  const index = await withCleanUp(
    () => building,
    async () => {
      interrupt.abort();
      // Until the server has ended it: the next benchmark is refused while a build is going on.
      await building.catch(() => undefined);
    },
  );
  return { index, seconds: (performance.now() - startedAt) / 1000 };
}

/** Drops every vector index. */
export async function dropIndexes({ database, databaseUrl }: Dataset): Promise<void> {
  await new VectorIndexBuilder(database, { databaseUrl }).drop();
}

/**
 * Has the set as it was made, with such an index alone, which stays: the one that is there, or else a new one.
 * @param say told when a new one is built, which may take long
 * @returns the index; and how many deleted rows are still in it, since nobody cleans it up
 */
export async function keepIndex(
  dataset: Dataset,
  wanted: WantedIndex,
  say: (line: string) => void,
): Promise<{ index: VectorIndex; dead: number }> {
  await removeRows(dataset);
  const [index, ...others] = await findVectorIndexes(dataset.database.sql);
  if (index !== undefined && others.length === 0 && isAsWanted(index, wanted)) {
    const dead = await deletedFrom(dataset, index);
    if (dead <= dataset.division.rows * mostDeleted) {
      return { index, dead };
    }
  }
  say(`Building the vector index (${wanted.kind}) over ${dataset.division.rows} rows ...`);
  return { index: (await buildIndex(dataset, wanted)).index, dead: 0 };
}

function isAsWanted(index: VectorIndex, { kind, parameters }: WantedIndex): boolean {
  const differs = Object.entries(parameters).some(([name, value]) => index.parameters[name] !== value);
  return index.valid && index.kind === kind && !differs;
}

/** Deletes what is not the set's and notes on the index how many of its rows that makes. */
export async function removeRows(dataset: Dataset): Promise<void> {
  const removed = await removeLiveRows(dataset);
  if (removed > 0) {
    for (const index of await findVectorIndexes(dataset.database.sql)) {
      const dead = removed + (await deletedFrom(dataset, index));
      await dataset.database.sql.none('COMMENT ON INDEX $<name:name> IS $<dead>', {
        name: index.name,
        dead: String(dead),
      });
    }
  }
}

async function deletedFrom({ database }: Dataset, { name }: VectorIndex): Promise<number> {
  const { dead } = await database.sql.one<{ dead: string | null }>(
    `SELECT obj_description($1::regclass, 'pg_class') AS dead`,
    [name],
  );
  return Number(dead ?? 0);
}
