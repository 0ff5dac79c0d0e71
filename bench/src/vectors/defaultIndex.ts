import { Database, findVectorIndexes, migrate, type VectorIndexKind } from '@millrace/database';
import { withScratchDatabase } from '../scratchDatabase';
import type { Dataset, DatasetOptions } from './dataset';

/** An index to be built. */
export interface WantedIndex {
  kind: VectorIndexKind;
  /** Such as { m: 12, ef_construction: 48 }; what is left out is up to VectorIndexBuilder. */
  parameters: Record<string, number>;
}

/** The index that the migrations give an empty database. @throws when they give it none */
export async function defaultIndex(
  { environment }: Pick<DatasetOptions, 'environment'>,
  { provider }: Pick<Dataset, 'provider'>,
): Promise<WantedIndex> {
  const { model, dimensions } = provider;
  return withScratchDatabase(environment.DATABASE_URL ?? '', async (databaseUrl) => {
    await migrate({ databaseUrl, direction: 'up', embeddingModel: model, embeddingDimensions: dimensions });
    const database = new Database({ url: databaseUrl, poolMax: 1, connectTimeoutMs: 10_000, applicationName: 'bench' });
    try {
      const [index] = await findVectorIndexes(database.sql);
      if (index === undefined) {
        throw new Error('The migrations make no vector index: name one with --kinds.');
      }
      return index;
    } finally {
      await database.close();
    }
  });
}
