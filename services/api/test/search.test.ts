import { Database, ReEmbedding } from '@millrace/database';
import { EmbeddingProviders } from '@millrace/embeddings';
import {
  createTestEnvironment,
  type OpenAiServer,
  plainModel,
  startOpenAiServer,
  type TestEnvironment,
  unitVector,
} from '@millrace/test-support';
import { endedDocument } from '@millrace/test-support/lifecycle';
import { ChunkSearch } from '../src/search';

const next = plainModel('next-model', 256);

let provider: OpenAiServer;
let environment: TestEnvironment;
let database: Database;
let reEmbedding: ReEmbedding;

beforeEach(async () => {
  provider = await startOpenAiServer();
  environment = await createTestEnvironment({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_MODEL: 'old-model',
    OPENAI_BASE_URL: provider.baseUrl,
  });
  const { DATABASE_URL: url } = environment.config();
  // Searches use the replica. Here it is the same server.
  const options = { poolMax: 4, connectTimeoutMs: 60_000, applicationName: 'test' };
  database = new Database({ url, readUrl: url, ...options });
  reEmbedding = new ReEmbedding(database, { databaseUrl: url });
});
afterEach(async () => {
  await database?.close();
  await environment?.cleanUp();
  await provider?.close();
});

async function searcher(changes: Record<string, string>): Promise<ChunkSearch> {
  return new ChunkSearch(database, await EmbeddingProviders.create(environment.config(changes)), 1);
}

const withNext = { NEXT_EMBEDDING_MODEL: next.model, NEXT_EMBEDDING_DIMENSIONS: String(next.dimensions) };

async function change(): Promise<void> {
  const models = await database.embeddingModels.find();
  if (models.next) {
    await reEmbedding.buildIndexes(models.next, {});
    expect(await reEmbedding.change(models.next)).toBe(true);
  }
}

const modelsAsked = () => provider.requests.map((request) => request.model);

test('When the model changes while a query is embedded, then this query and later ones are embedded with the new model', async () => {
  const search = await searcher(withNext);
  await reEmbedding.begin(next);
  expect(await search.find('a lighthouse', {}, 5)).toEqual([]);
  provider.respondWith(async () => {
    await change();
    return 'ok' as const;
  });
  expect(await search.find('a lighthouse', {}, 5)).toEqual([]);
  expect(await search.find('a lighthouse', {}, 5)).toEqual([]);
  expect(modelsAsked()).toEqual(['old-model', 'old-model', 'next-model', 'next-model']);
});

test.each([
  ['next-model', 256],
  ['next-model', 768],
  ['old-model', 256],
])('When all vectors are of %s with %i dimensions by then, then they are found', async (model, dimensions) => {
  const setup = plainModel(model, dimensions);
  const search = await searcher({
    NEXT_EMBEDDING_MODEL: setup.model,
    NEXT_EMBEDDING_DIMENSIONS: String(setup.dimensions),
  });
  await endedDocument(database, 3);
  await reEmbedding.begin(setup);
  expect(await search.find('a lighthouse', {}, 5)).toHaveLength(3);
  await database.sql.none(
    `INSERT INTO document_chunks_next SELECT (jsonb_populate_record(NULL::document_chunks_next,
       to_jsonb(c) || jsonb_build_object('embedding_model', $<model>, 'embedding', $<vector>::text))).* FROM document_chunks c`,
    { model: setup.model, vector: JSON.stringify([...unitVector(1, setup.dimensions)]) },
  );
  await change();
  expect(await search.find('a lighthouse', {}, 5)).toHaveLength(3);
});

test('When only the query prefix changes, then the query is embedded with the new one', async () => {
  const search = await searcher({ NEXT_EMBEDDING_QUERY_PREFIX: 'q: ' });
  await endedDocument(database, 3);
  await search.find('a lighthouse', {}, 5);
  await reEmbedding.begin({ ...plainModel('old-model'), queryPrefix: 'q: ' });
  await database.sql.none(
    `INSERT INTO document_chunks_next SELECT (jsonb_populate_record(NULL::document_chunks_next, to_jsonb(c)
       || jsonb_build_object('embedding_model', (SELECT model_key FROM re_embeddings)))).* FROM document_chunks c`,
  );
  await change();
  expect(await search.find('a lighthouse', {}, 5)).toHaveLength(3);
  expect(provider.requests.map(({ input }) => input)).toEqual([
    ['a lighthouse'],
    ['a lighthouse'],
    ['q: a lighthouse'],
  ]);
});

test('When the old provider is unreachable after the change, then searches do not need it', async () => {
  const search = await searcher(withNext);
  await search.find('a lighthouse', {}, 5);
  await reEmbedding.begin(next);
  await change();
  provider.respondWith((request) => (request.model === 'old-model' ? { status: 503 } : 'ok'));
  expect(await search.find('a lighthouse', {}, 5)).toEqual([]);
});

test('When the provider fails and the model has not changed, then the search fails with the error of the provider', async () => {
  const search = await searcher(withNext);
  provider.respondWith(() => ({ status: 503 }));
  await expect(search.find('a lighthouse', {}, 5)).rejects.toMatchObject({ code: 'EMBEDDING_UNAVAILABLE' });
});

test('When no provider of the model is configured, then SETUP_INVALID names the model', async () => {
  const search = await searcher({});
  await search.find('a lighthouse', {}, 5);
  await reEmbedding.begin(next);
  await change();
  await expect(search.find('a lighthouse', {}, 5)).rejects.toMatchObject({
    code: 'SETUP_INVALID',
    message: expect.stringContaining('next-model (256 dimensions)'),
  });
});
