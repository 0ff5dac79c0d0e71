import { Database } from '@millrace/database';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { createTestEnvironment } from '@millrace/test-support';
import { Prose } from '../src/prose';
import { makeCorpus } from '../src/vectors/corpus';
import { type Dataset, makeDataset } from '../src/vectors/dataset';
import { truthQueries } from '../src/vectors/queries';

const prose = new Prose(7);

export const corpus = makeCorpus(
  Array.from({ length: 3 }, () => Array.from({ length: 300 }, () => prose.passage(14))),
  ['What was paid in 2015?'],
);

export interface SmallDataset {
  dataset: Dataset;
  cleanUp(): Promise<void>;
}

/** Makes a data set of 300 rows on a new database. */
export async function makeSmallDataset(): Promise<SmallDataset> {
  const environment = await createTestEnvironment();
  const config = environment.config();
  const databaseUrl = config.DATABASE_URL;
  const database = new Database({ url: databaseUrl, poolMax: 2, connectTimeoutMs: 60_000, applicationName: 'test' });
  const provider = await createEmbeddingProvider(config.embedding);
  const queries = truthQueries(corpus).slice(0, 30);
  const source = { corpus, provider, queries, queryVectors: await provider.embed(queries) };
  const shape = { rows: 300, perDocument: 3 };
  const truth = await makeDataset(databaseUrl, database, source, shape);
  return {
    dataset: { ...source, ...shape, databaseUrl, database, truth },
    cleanUp: async () => {
      await database.close();
      await environment.cleanUp();
    },
  };
}
