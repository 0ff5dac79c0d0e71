import { chunkHashOf, contentHashOf } from '@millrace/contracts';
import { type Database, ReEmbedding } from '@millrace/database';
import { beginReEmbedJobs } from '@millrace/lifecycle';
import { type OpenAiServer, plainModel } from '@millrace/test-support';
import { chunkCounts, firstId } from '@millrace/test-support/lifecycle';
import { type QueuedChunk, storedChunks } from '../src';
import { EmbedderWorld, type Upload } from './support';

const current = {
  ...plainModel('e5-base'),
  queryPrefix: 'query: ',
  documentPrefix: 'passage: ',
  context: 'headings',
} as const;
const other = { NEXT_EMBEDDING_DOCUMENT_PREFIX: 'text: ' };

let world: EmbedderWorld;
let provider: OpenAiServer;
let database: Database;

beforeEach(async () => {
  world = await EmbedderWorld.create({ EMBEDDING_MODEL: current.model, EMBEDDING_CONTEXT: 'headings' });
  ({ provider, database } = world);
});
afterEach(() => world.dispose());

/** Makes an upload of this title whose chunks have these texts, each under the heading "Costs". */
async function uploadOf(title: string | null, texts: string[]): Promise<Upload> {
  const upload = await world.upload(texts.length);
  await database.sql.none('UPDATE documents SET title = $1 WHERE id = $2', [title, upload.documentId]);
  for (const [i, text] of texts.entries()) {
    const contentHash = contentHashOf(text);
    await database.sql.none(
      `UPDATE job_chunks SET content_hash = $<contentHash>, chunk_hash = $<chunkHash>,
         payload = payload || jsonb_build_object('text', $<text>, 'section', 'Costs') WHERE id = $<id>`,
      { contentHash, chunkHash: chunkHashOf(contentHash, i), text, id: upload.chunkIds[i] },
    );
  }
  return upload;
}

const sent = () => provider.requests.flatMap(({ input }) => input);
async function embed({ deliveries }: Pick<Upload, 'deliveries'>, changes: Record<string, string> = {}) {
  await (await world.worker({ changes })).process(deliveries);
}

test('When chunks are embedded, then prefix, title and headings stand before the text, and the stored text is as it was', async () => {
  await embed(await uploadOf('Report', ['Rent rose.']));
  expect(sent()).toEqual(['passage: Report\nCosts\n\nRent rose.']);
  const rows = await database.sql.many<{ content: string; hash: string; model: string }>(
    'SELECT content, embedding_hash AS hash, embedding_model AS model FROM document_chunks',
  );
  const { key } = await database.embeddingModels.active();
  expect(key).toMatch(/^e5-base~[0-9a-f]{8}$/);
  expect(rows).toEqual([{ content: 'Rent rose.', hash: contentHashOf('Report\nCosts\n\nRent rose.'), model: key }]);
});

test('When the same text comes again, then only another title is paid for', async () => {
  await embed(await uploadOf('Report', ['Rent rose.', 'Wages fell.', 'Rent rose.']));
  expect(sent()).toHaveLength(2);
  await embed(await uploadOf('Report', ['Rent rose.', 'Wages fell.']));
  expect(sent()).toHaveLength(2);
  await embed(await uploadOf('Letter', ['Rent rose.']));
  expect(sent().slice(2)).toEqual(['passage: Letter\nCosts\n\nRent rose.']);
});

test('When a text fills the model, then it is sent whole, with what has room of its context', async () => {
  const upload = await uploadOf('Report on costs', ['Rent rose.']);
  await database.sql.none(`UPDATE job_chunks SET payload = payload || '{"tokenCount": 455}' WHERE id = $1`, [
    upload.chunkIds[0],
  ]);
  await embed(upload, { EMBEDDING_MAX_TOKENS: '512' });
  expect(sent()).toEqual(['passage: Report\n\nRent rose.']);
});

test('When a failed chunk is retried, then it has its context', async () => {
  const { jobId, ...upload } = await uploadOf('Report', ['Rent rose.']);
  provider.respondWith((_request, n) => (n === 1 ? { status: 400 } : 'ok'));
  const worker = await world.worker();
  await worker.process(upload.deliveries);
  expect(await chunkCounts(database, jobId)).toEqual({ failed: 1 });
  await database.sql.none(
    `UPDATE job_chunks SET status = 'retry_scheduled', next_attempt_at = now() WHERE job_id = $1`,
    [jobId],
  );
  await worker.process(upload.deliveries);
  expect(sent().at(-1)).toBe('passage: Report\nCosts\n\nRent rose.');
});

describe('When only a prefix changes', () => {
  let reEmbedding: ReEmbedding;
  beforeEach(() => {
    reEmbedding = new ReEmbedding(database, { databaseUrl: world.config().DATABASE_URL });
  });

  async function storedAgain(): Promise<QueuedChunk[]> {
    const { next } = await database.embeddingModels.find();
    const options = { after: firstId, documents: 10, chunks: 100, jobMaxRetries: 0, chunkMaxRetries: 3 };
    const begun = next && (await beginReEmbedJobs(database, next, options));
    return (begun?.dispatches ?? []).map((dispatch) => ({ version: 1 as const, ...dispatch }));
  }

  test('then a re-embedding embeds every stored chunk with it, in its context, and late vectors of the old one are refused', async () => {
    await embed(await uploadOf('Report', ['Rent rose.']));
    const setup = { ...current, documentPrefix: 'text: ' };
    expect(world.config(other).nextEmbedding).toMatchObject(setup);
    await reEmbedding.begin(setup);
    const again = await world.worker({ changes: other, target: storedChunks });
    await again.process(await storedAgain());
    expect(sent().slice(1)).toEqual(['text: Report\nCosts\n\nRent rose.']);

    const late = await uploadOf('Report', ['Wages fell.']);
    provider.respondWith(async () => {
      provider.respondWith(() => 'ok');
      const { next } = await database.embeddingModels.find();
      if (next) {
        await reEmbedding.buildIndexes(next, {});
        expect(await reEmbedding.change(next)).toBe(true);
      }
      return 'ok' as const;
    });
    const uploads = await world.worker({ changes: other });
    await uploads.process(late.deliveries);
    expect(await chunkCounts(database, late.jobId)).toEqual({ pending: 1 });
    const { active } = await database.embeddingModels.find();
    expect(active).toMatchObject(setup);
    const models = await database.sql.many('SELECT DISTINCT embedding_model AS key FROM document_chunks');
    expect(models).toEqual([{ key: active.key }]);
  });
});
