import { newId } from '@millrace/contracts';
import { type Database, type NextModel, ReEmbedding } from '@millrace/database';
import { unitVector } from '@millrace/test-support';
import {
  type BegunReEmbedding,
  beginReEmbedJobs,
  type ClaimedChunk,
  cancelJob,
  countOpenReEmbedChunks,
  deleteDocument,
  endReEmbedJobs,
  findDriftedJobs,
  repairJob,
  retryJob,
  retryPages,
  settleChunks,
} from '../src';
import {
  chunkCounts,
  chunkedDocument,
  claim,
  createDatabase,
  firstId,
  jobOf,
  page,
  policy,
  rejected,
  settle,
  statusOf,
} from './support';

const wanted = { model: 'next-model', dimensions: 256 };

let database: Database;
let dispose: () => Promise<void>;
let reEmbedding: ReEmbedding;
beforeEach(async () => {
  ({ database, dispose } = await createDatabase());
  const { url } = await database.sql.one<{ url: string }>('SELECT current_database() AS url');
  const address = new URL(process.env.DATABASE_URL ?? '');
  address.pathname = `/${url}`;
  reEmbedding = new ReEmbedding(database, { databaseUrl: address.toString() });
});
afterEach(() => dispose());

async function running(): Promise<NextModel> {
  const { next } = await database.embeddingModels.find();
  if (next === null) {
    throw new Error('nothing is being changed');
  }
  return next;
}

/** A document whose chunks are stored, with vectors of the model in use. */
async function storedDocument(count: number, options: Parameters<typeof chunkedDocument>[2] = {}) {
  const made = await chunkedDocument(database, count, options);
  await settle(database, await claim(database, made.chunkIds));
  return made;
}

async function begin(more: Partial<Parameters<typeof beginReEmbedJobs>[2]> = {}): Promise<BegunReEmbedding> {
  const limits = { documents: 100, chunks: 100, jobMaxRetries: 0, chunkMaxRetries: 3 };
  return beginReEmbedJobs(database, await running(), { after: firstId, ...limits, ...more });
}

/** Embeds the chunks again: those of `failed` are refused. */
async function embed(dispatches: BegunReEmbedding['dispatches'], failed: string[] = []) {
  const { token, chunks } = await claim(
    database,
    dispatches.map((dispatch) => dispatch.chunkId),
  );
  const embedded = chunks
    .filter((chunk: ClaimedChunk) => !failed.includes(chunk.id))
    .map((chunk) => ({ chunk, embedding: unitVector(chunk.chunkIndex, wanted.dimensions) }));
  return settleChunks(
    database,
    { token, embedded, failed: failed.map(rejected), embeddingModel: wanted.model, claimedTexts: [] },
    policy,
  );
}

/** The document as it stands, whatever jobs are over it. */
const documentOf = (id: string) => database.sql.one('SELECT * FROM documents WHERE id = $1', [id]);

test('When stored chunks get a job, then it waits behind uploads, and its end changes the document in nothing', async () => {
  const { documentId, jobId } = await storedDocument(3, { pages: [page(1), page(2, 'failed')] });
  expect(await statusOf(database, documentId)).toBe('partial');
  const before = await documentOf(documentId);
  await reEmbedding.begin(wanted);
  const { last, dispatches } = await begin();
  expect(last).toBeNull();
  expect(dispatches.map((dispatch) => dispatch.chunkIndex)).toEqual([0, 1, 2]);
  expect(dispatches[0]).toMatchObject({ documentId, priority: 1_000_000, delayMs: 0 });
  const own = dispatches[0]?.jobId ?? '';
  expect(await jobOf(database, own)).toMatchObject({ kind: 're-embed', status: 'processing', total_chunks: 3 });
  expect(await countOpenReEmbedChunks(database, await running())).toBe(3);
  // Nothing is begun twice.
  expect((await begin()).dispatches).toEqual([]);

  const { chunks } = await claim(database, [dispatches[0]?.chunkId ?? '']);
  expect(chunks).toMatchObject([
    {
      into: 'document_chunks_next',
      payload: { text: `Chunk 0 of document ${documentId}`, tokenCount: 5, section: null },
    },
  ]);
  await database.sql.none(`UPDATE job_chunks SET status = 'pending', lease_token = NULL, lease_expires_at = NULL`);
  expect((await embed(dispatches)).rounds).toMatchObject([{ jobId: own, status: 'completed' }]);
  expect(await documentOf(documentId)).toEqual(before);
  expect((await database.documents.find(documentId))?.job_id).toBe(jobId);
  const compared = await database.sql.one(
    `SELECT count(*)::integer AS rows,
       bool_and(to_jsonb(c) - $<vector>::text[] = to_jsonb(n) - $<vector>::text[]) AS same,
       bool_and(n.embedding_model = 'next-model' AND vector_dims(n.embedding) = 256) AS new
     FROM document_chunks c JOIN document_chunks_next n USING (id)`,
    { vector: ['embedding', 'embedding_model', 'updated_at'] },
  );
  expect(compared).toEqual({ rows: 3, same: true, new: true });
  expect((await begin()).dispatches).toEqual([]);
});

test('When there is room for a few chunks or a look at a few documents only, then the next look goes on there', async () => {
  const first = await storedDocument(3);
  const second = await storedDocument(2);
  await reEmbedding.begin(wanted);
  const some = await begin({ chunks: 2 });
  expect(some.dispatches.map((dispatch) => dispatch.documentId)).toEqual([first.documentId, first.documentId]);
  expect(some.last).toBe(firstId);
  // The rest of the first document waits for the job that it has.
  const more = await begin({ documents: 1 });
  expect(more).toEqual({ last: first.documentId, dispatches: [] });
  const rest = await begin({ after: first.documentId, documents: 1 });
  expect(rest.dispatches.map((dispatch) => dispatch.documentId)).toEqual([second.documentId, second.documentId]);
  await embed(some.dispatches);
  expect((await begin()).dispatches.map((dispatch) => dispatch.chunkIndex)).toEqual([2]);
});

test('When two reconcilers begin jobs at once, then each chunk gets one', async () => {
  await storedDocument(3);
  await reEmbedding.begin(wanted);
  const begun = await Promise.all([begin(), begin(), begin()]);
  expect(begun.map(({ dispatches }) => dispatches.length).sort()).toEqual([0, 0, 3]);
});

test('When a document is still being embedded, then it waits for that, unless all else waits for it', async () => {
  const { chunkIds, documentId } = await chunkedDocument(database, 2);
  await settle(database, await claim(database, chunkIds.slice(0, 1)));
  await reEmbedding.begin(wanted);
  expect((await begin()).dispatches).toEqual([]);
  await reEmbedding.close(await running(), 60_000);
  expect((await running()).closing).toBe(true);
  const { dispatches } = await begin();
  expect(dispatches).toMatchObject([{ priority: 0 }]);
  await embed(dispatches);
  expect(await statusOf(database, documentId)).toBe('processing');
});

test('When a document takes long to be embedded, then what it has got is embedded again meanwhile', async () => {
  const { chunkIds, documentId } = await chunkedDocument(database, 2);
  await settle(database, await claim(database, chunkIds.slice(0, 1)));
  await database.sql.none(`UPDATE documents SET created_at = now() - interval '11 minutes'`);
  await reEmbedding.begin(wanted);
  expect((await begin()).dispatches).toMatchObject([{ documentId, chunkIndex: 0 }]);
});

test('When a chunk fails, then the document stays as it is and an operator can retry that chunk', async () => {
  const { documentId } = await storedDocument(2);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin();
  const [bad = { chunkId: '', jobId: '' }] = dispatches;
  await embed(dispatches, [bad.chunkId]);
  expect(await jobOf(database, bad.jobId)).toMatchObject({
    status: 'completed_with_errors',
    error_code: 'EMBEDDING_REJECTED',
  });
  expect(await statusOf(database, documentId)).toBe('ready');
  expect((await begin()).dispatches).toEqual([]);
  const retried = await retryJob(database, bad.jobId, { force: false });
  expect(retried).toMatchObject({ chunks: [{ chunkId: bad.chunkId, priority: 1_000_000 }], job: null, skipped: [] });
  expect(await statusOf(database, documentId)).toBe('ready');
  await embed(retried?.chunks ?? []);
  expect(await jobOf(database, bad.jobId)).toMatchObject({ status: 'completed', error_code: null });
  expect(await statusOf(database, documentId)).toBe('ready');
});

test('When all of its chunks fail, then the job has failed, and the document is ready still', async () => {
  const { documentId } = await storedDocument(1);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin();
  await embed(
    dispatches,
    dispatches.map((dispatch) => dispatch.chunkId),
  );
  expect(await jobOf(database, dispatches[0]?.jobId ?? '')).toMatchObject({ status: 'failed' });
  expect(await statusOf(database, documentId)).toBe('ready');
});

test('When such a job is cancelled, repaired, or asked for failed pages, then the document stays as it is', async () => {
  const { documentId } = await storedDocument(1, { pages: [page(1), page(2, 'failed')] });
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin();
  const jobId = dispatches[0]?.jobId ?? '';
  const before = await documentOf(documentId);
  expect(await cancelJob(database, jobId)).toBe('cancelled');
  expect(await documentOf(documentId)).toEqual(before);
  expect((await begin()).dispatches).toEqual([]);
  expect(await retryPages(database, jobId)).toEqual({ outcome: 'no_failed_pages' });
  await embed((await retryJob(database, jobId, { force: true }))?.chunks ?? []);
  expect((await jobOf(database, jobId)).status).toBe('completed');
  await database.sql.none('UPDATE jobs SET processed_chunks = 0 WHERE id = $1', [jobId]);
  const { drifted } = await findDriftedJobs(database, { after: firstId, limit: 10, endedWithinMs: 60_000 });
  expect(drifted).toEqual([jobId]);
  expect(await repairJob(database, jobId, policy)).toMatchObject({ repaired: true, round: { status: 'completed' } });
  expect(await documentOf(documentId)).toEqual(before);
});

test('When a document is deleted meanwhile, then its job and its new vectors go with it, and others stay', async () => {
  const gone = await storedDocument(2);
  const kept = await storedDocument(1);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin();
  await embed(dispatches.filter((dispatch) => dispatch.chunkIndex === 0));
  await deleteDocument(database, gone.documentId);
  expect(await database.sql.many('SELECT document_id FROM document_chunks_next')).toEqual([
    { document_id: kept.documentId },
  ]);
  expect(await database.sql.many(`SELECT document_id FROM jobs WHERE kind = 're-embed'`)).toEqual([
    { document_id: kept.documentId },
  ]);
});

test('When the change is cancelled, then its jobs are ended, keep no text, and none can be retried', async () => {
  const { documentId } = await storedDocument(2);
  const other = await storedDocument(2);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin();
  const own = dispatches.filter((dispatch) => dispatch.documentId === documentId);
  const [failed = { chunkId: '', jobId: '' }] = own;
  await embed(own, [failed.chunkId]);
  expect(await endReEmbedJobs(database, 10)).toBe(0);
  await reEmbedding.cancel();
  expect(await endReEmbedJobs(database, 10)).toBe(1);
  const open = dispatches.find((dispatch) => dispatch.documentId === other.documentId)?.jobId ?? '';
  expect((await jobOf(database, open)).status).toBe('cancelled');
  expect(await chunkCounts(database, open)).toEqual({ cancelled: 2 });
  for (const jobId of [open, failed.jobId]) {
    const retried = await retryJob(database, jobId, { force: true });
    expect(retried?.chunks).toEqual([]);
    expect(new Set(retried?.skipped.map((chunk) => chunk.reason))).toEqual(new Set(['payload_expired']));
  }
  expect(await statusOf(database, documentId)).toBe('ready');
  // The next change is not held up by what the last one left.
  await reEmbedding.begin({ model: newId(), dimensions: 64 });
  expect((await begin()).dispatches).toHaveLength(4);
});
