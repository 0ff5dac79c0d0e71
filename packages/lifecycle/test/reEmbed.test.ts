import { newId } from '@millrace/contracts';
import type { Database, ReEmbedding } from '@millrace/database';
import { plainModel, waitFor } from '@millrace/test-support';
import {
  chunkCounts,
  claimedChunks,
  documentStatusOf,
  endedDocument,
  firstId,
  hasLockWaits,
  jobOf,
  newCollection,
  newPage,
  noBackoff,
  testActor,
} from '@millrace/test-support/lifecycle';
import {
  cancelJob,
  countOpenReEmbedChunks,
  deleteDocument,
  endReEmbedJobs,
  findDriftedJobs,
  moveDocument,
  reconcileCounters,
  retryJob,
  retryPages,
} from '../src';
import { begin, createReEmbedding, embed, running, wanted } from './reEmbedding';

let database: Database;
let dispose: () => Promise<void>;
let reEmbedding: ReEmbedding;
beforeEach(async () => {
  ({ database, dispose, reEmbedding } = await createReEmbedding());
});
afterEach(() => dispose());

/** The document's row. */
const documentOf = (id: string) => database.sql.one('SELECT * FROM documents WHERE id = $1', [id]);

test('When stored chunks get a job, then it waits behind uploads, and its end does not change the document', async () => {
  const { documentId, jobId } = await endedDocument(database, 3, { pages: [newPage(1), newPage(2, 'failed')] });
  expect(await documentStatusOf(database, documentId)).toBe('partial');
  const before = await documentOf(documentId);
  await reEmbedding.begin(wanted);
  const { last, dispatches } = await begin(database);
  expect(last).toBe(documentId);
  expect(await begin(database, { after: documentId })).toEqual({ last: null, dispatches: [] });
  expect(dispatches.map((dispatch) => dispatch.chunkIndex)).toEqual([0, 1, 2]);
  expect(dispatches[0]).toMatchObject({ documentId, queue: 'reembed-chunks', delayMs: 0 });
  const own = dispatches[0]?.jobId ?? '';
  expect(await jobOf(database, own)).toMatchObject({ kind: 're-embed', status: 'processing', totalChunks: 3 });
  expect(await countOpenReEmbedChunks(database, await running(database))).toBe(3);
  // Nothing is begun twice.
  expect((await begin(database)).dispatches).toEqual([]);

  const { chunks } = await claimedChunks(database, [dispatches[0]?.chunkId ?? '']);
  expect(chunks).toMatchObject([
    {
      payload: { text: `Chunk 0 of document ${documentId}`, tokenCount: 5, section: null },
    },
  ]);
  await database.sql.none(`UPDATE job_chunks SET status = 'pending', lease_token = NULL, lease_expires_at = NULL`);
  expect((await embed(database, dispatches)).rounds).toMatchObject([{ jobId: own, status: 'completed' }]);
  expect(await documentOf(documentId)).toEqual(before);
  expect((await database.documents.find(documentId))?.jobId).toBe(jobId);
  const compared = await database.sql.one(
    `SELECT count(*)::integer AS rows,
       bool_and(to_jsonb(c) - $<vector>::text[] = to_jsonb(n) - $<vector>::text[]) AS same,
       bool_and(n.embedding_model = 'next-model' AND vector_dims(n.embedding) = 256) AS new
     FROM document_chunks c JOIN document_chunks_next n USING (id)`,
    { vector: ['embedding', 'embedding_model', 'signature_a', 'updated_at'] },
  );
  expect(compared).toEqual({ rows: 3, same: true, new: true });
  expect((await begin(database)).dispatches).toEqual([]);
});

test('When a chunk fails, then the document does not change and an operator can retry that chunk', async () => {
  const { documentId } = await endedDocument(database, 2);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin(database);
  const [bad = { chunkId: '', jobId: '' }] = dispatches;
  await embed(database, dispatches, [bad.chunkId]);
  expect(await jobOf(database, bad.jobId)).toMatchObject({
    status: 'completed_with_errors',
    errorCode: 'EMBEDDING_REJECTED',
  });
  expect(await documentStatusOf(database, documentId)).toBe('ready');
  expect((await begin(database)).dispatches).toEqual([]);
  const retried = await retryJob(database, bad.jobId, { force: false }, testActor);
  expect(retried).toMatchObject({
    chunks: [{ chunkId: bad.chunkId, queue: 'reembed-chunks' }],
    job: null,
    skipped: [],
  });
  expect(await documentStatusOf(database, documentId)).toBe('ready');
  await embed(database, retried?.chunks ?? []);
  expect(await jobOf(database, bad.jobId)).toMatchObject({ status: 'completed', errorCode: null });
  expect(await documentStatusOf(database, documentId)).toBe('ready');
});

test('When the retention of failed chunks has ended, then they keep their texts while the change runs', async () => {
  await endedDocument(database, 2);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin(database);
  const [bad = { chunkId: '', jobId: '' }] = dispatches;
  await embed(database, dispatches, [bad.chunkId]);
  await database.sql.none(`UPDATE job_chunks SET updated_at = now() - interval '1 day'`);
  expect(await database.jobChunks.removePayloads({ olderThanMs: 1_000, limit: 10 })).toBe(0);
  expect((await retryJob(database, bad.jobId, { force: false }, testActor))?.chunks).toMatchObject([
    { chunkId: bad.chunkId },
  ]);
});

test('When all of its chunks fail, then the job has failed, and the document is still ready', async () => {
  const { documentId } = await endedDocument(database, 1);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin(database);
  await embed(
    database,
    dispatches,
    dispatches.map((dispatch) => dispatch.chunkId),
  );
  expect(await jobOf(database, dispatches[0]?.jobId ?? '')).toMatchObject({ status: 'failed' });
  expect(await documentStatusOf(database, documentId)).toBe('ready');
});

test('When such a job is cancelled, reconciled, or asked for failed pages, then the document does not change', async () => {
  const { documentId } = await endedDocument(database, 1, { pages: [newPage(1), newPage(2, 'failed')] });
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin(database);
  const jobId = dispatches[0]?.jobId ?? '';
  const before = await documentOf(documentId);
  expect(await cancelJob(database, jobId, testActor)).toBe('cancelled');
  expect(await documentOf(documentId)).toEqual(before);
  expect((await begin(database)).dispatches).toEqual([]);
  expect(await retryPages(database, jobId, testActor)).toEqual({ outcome: 'no_failed_pages' });
  await embed(database, (await retryJob(database, jobId, { force: true }, testActor))?.chunks ?? []);
  expect((await jobOf(database, jobId)).status).toBe('completed');
  await database.sql.none('UPDATE jobs SET processed_chunks = 0 WHERE id = $1', [jobId]);
  const { drifted } = await findDriftedJobs(database, { after: firstId, limit: 10, endedWithinMs: 60_000 });
  expect(drifted).toEqual([jobId]);
  expect(await reconcileCounters(database, jobId, noBackoff)).toMatchObject({
    reconciled: true,
    round: { status: 'completed' },
  });
  expect(await documentOf(documentId)).toEqual(before);
});

test('When a document is deleted, then its job and its new vectors are deleted with it, and others stay', async () => {
  const gone = await endedDocument(database, 2);
  const kept = await endedDocument(database, 1);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin(database);
  await embed(
    database,
    dispatches.filter((dispatch) => dispatch.chunkIndex === 0),
  );
  await deleteDocument(database, gone.documentId, testActor);
  expect(await database.sql.many('SELECT document_id FROM document_chunks_next')).toEqual([
    { document_id: kept.documentId },
  ]);
  expect(await database.sql.many(`SELECT document_id FROM jobs WHERE kind = 're-embed'`)).toEqual([
    { document_id: kept.documentId },
  ]);
});

test('When the change is cancelled while a document is moved, then it waits for the move, and the move loses nothing', async () => {
  const { documentId } = await endedDocument(database, 2);
  await reEmbedding.begin(wanted);
  await embed(database, (await begin(database)).dispatches);
  const collectionId = await newCollection(database);
  let moved: Promise<boolean> | undefined;
  let cancelled: Promise<unknown> | undefined;
  await database.transaction(async ({ sql }) => {
    await sql.many('SELECT FROM document_chunks WHERE document_id = $1 FOR UPDATE', [documentId]);
    moved = moveDocument(database, { documentId, collectionId }, testActor);
    await waitFor('the move to wait for its chunks', () => hasLockWaits(database, 1));
    cancelled = reEmbedding.cancel({ kind: 'cli' });
    await waitFor('the cancellation to wait for the move', () => hasLockWaits(database, 2));
    // The cancellation holds no lock on the table that the move will write to.
    await sql.none(`LOCK TABLE document_chunks_next IN ROW EXCLUSIVE MODE NOWAIT`);
  });
  expect(await Promise.all([moved, cancelled])).toMatchObject([true, { model: wanted.model }]);
  const chunks = await database.documentChunks.list(documentId, { after: -1, limit: 10 });
  expect(chunks.map((chunk) => chunk.chunkIndex)).toEqual([0, 1]);
  expect(await database.documents.find(documentId)).toMatchObject({ collectionId, status: 'ready' });
});

test('When the change is cancelled, then its jobs are ended, keep no text, and none can be retried', async () => {
  const { documentId } = await endedDocument(database, 2);
  const other = await endedDocument(database, 2);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin(database);
  const own = dispatches.filter((dispatch) => dispatch.documentId === documentId);
  const [failed = { chunkId: '', jobId: '' }] = own;
  await embed(database, own, [failed.chunkId]);
  expect(await endReEmbedJobs(database, 10)).toBe(0);
  await reEmbedding.cancel({ kind: 'cli' });
  expect(await endReEmbedJobs(database, 10)).toBe(1);
  const open = dispatches.find((dispatch) => dispatch.documentId === other.documentId)?.jobId ?? '';
  expect((await jobOf(database, open)).status).toBe('cancelled');
  expect(await chunkCounts(database, open)).toEqual({ cancelled: 2 });
  for (const jobId of [open, failed.jobId]) {
    const retried = await retryJob(database, jobId, { force: true }, testActor);
    expect(retried?.chunks).toEqual([]);
    expect(new Set(retried?.skipped.map((chunk) => chunk.reason))).toEqual(new Set(['payload_expired']));
  }
  expect(await documentStatusOf(database, documentId)).toBe('ready');
  // Rows of the last change do not delay the next one.
  await reEmbedding.begin(plainModel(newId(), 64));
  expect((await begin(database)).dispatches).toHaveLength(4);
});
