import { Database } from '@millrace/database';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { createTestEnvironment } from '@millrace/test-support';
import { Prose } from '../src/prose';
import { makeCorpus } from '../src/vectors/corpus';
import { type Dataset, finish, prepare } from '../src/vectors/dataset';
import { type Division, loadPart, missingParts, type Source } from '../src/vectors/parts';
import { truthQueries } from '../src/vectors/queries';

const prose = new Prose(7);

export const corpus = makeCorpus(
  Array.from({ length: 3 }, () => Array.from({ length: 300 }, () => prose.passage(14))),
  ['What was paid in 2015?'],
);

export const division: Division = { rows: 300, perDocument: 3, perPart: 60, parts: 5 };

export interface SmallDataset {
  databaseUrl: string;
  database: Database;
  source: Source;
  loadMissing(): Promise<void>;
  /** The rest of what makes a data set of what has been loaded. */
  complete(): Promise<Dataset>;
  cleanUp(): Promise<void>;
}

/** A database of its own that is ready for a data set of 300 rows. */
export async function beginSmallDataset(): Promise<SmallDataset> {
  const environment = await createTestEnvironment();
  const config = environment.config();
  const databaseUrl = config.DATABASE_URL;
  const database = new Database({
    url: databaseUrl,
    poolMax: 2,
    connectTimeoutMs: 10_000,
    applicationName: 'test',
  });
  const provider = await createEmbeddingProvider(config.embedding);
  const queries = truthQueries(corpus).slice(0, 30);
  const source = { corpus, provider, queryVectors: await provider.embed(queries) };
  await prepare(databaseUrl, database, source);
  return {
    databaseUrl,
    database,
    source,
    loadMissing: async () => {
      for (const part of await missingParts(database.sql, division)) {
        await loadPart(database, source, division, part);
      }
    },
    complete: async () => {
      const truth = await finish(databaseUrl, database, source);
      return { ...source, databaseUrl, database, division, queries, truth };
    },
    cleanUp: async () => {
      await database.close();
      await environment.cleanUp();
    },
  };
}
