import { Database, findVectorIndexes } from '@millrace/database';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { createTestEnvironment, type TestEnvironment } from '@millrace/test-support';
import { wantedIndex } from '../src/vectors/defaultIndex';

describe('wantedIndex', () => {
  let environment: TestEnvironment;

  beforeEach(async () => {
    environment = await createTestEnvironment();
  });

  afterEach(() => environment.cleanUp());

  it('When no kind is named, then it is the index of a database that has just been migrated, with its parameters', async () => {
    const config = environment.config();
    const provider = await createEmbeddingProvider(config);
    const database = new Database({
      url: config.DATABASE_URL,
      poolMax: 1,
      connectTimeoutMs: 10_000,
      applicationName: 'test',
    });
    try {
      const [index] = await findVectorIndexes(database.sql);
      const wanted = await wantedIndex({ environment: environment.variables }, { provider }, null);
      expect(wanted).toMatchObject({ kind: index?.kind, parameters: index?.parameters });
    } finally {
      await database.close();
    }
    const named = await wantedIndex({ environment: environment.variables }, { provider }, 'ivfflat');
    expect(named).toEqual({ kind: 'ivfflat', parameters: {} });
  });
});
