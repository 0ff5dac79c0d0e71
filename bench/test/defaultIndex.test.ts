import { Database, findVectorIndexes } from '@millrace/database';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { createTestEnvironment, type TestEnvironment } from '@millrace/test-support';
import { defaultIndex } from '../src/vectors/defaultIndex';
import { variants } from '../src/vectors/variants';

describe('defaultIndex', () => {
  let environment: TestEnvironment;

  beforeEach(async () => {
    environment = await createTestEnvironment();
  });

  afterEach(() => environment.cleanUp());

  it('When a database has just been migrated, then its index is the default, with its parameters', async () => {
    const config = environment.config();
    const provider = await createEmbeddingProvider(config.embedding);
    const database = new Database({
      url: config.DATABASE_URL,
      poolMax: 1,
      connectTimeoutMs: 10_000,
      applicationName: 'test',
    });
    try {
      const [index] = await findVectorIndexes(database.sql);
      const wanted = await defaultIndex({ environment: environment.variables }, { provider });
      expect(wanted).toMatchObject({ kind: index?.kind, parameters: index?.parameters });
      // Which is measured as one of the variants, too.
      expect(wanted).toMatchObject(variants.hnsw_binary);
    } finally {
      await database.close();
    }
  });
});
