import { access } from 'node:fs/promises';
import { BlobStore, originalKey } from '@millrace/blobs';
import type { Database } from '@millrace/database';
import { claimChunks, claimJob, deleteCollection, removeDeleted } from '@millrace/lifecycle';
import { createLogger } from '@millrace/telemetry';
import { createTestEnvironment, type TestEnvironment } from '@millrace/test-support';
import {
  acceptedDocument,
  chunkedDocument,
  claimedJob,
  endedDocument,
  newCollection,
  openDatabase,
  testActor,
  testLease,
} from '@millrace/test-support/lifecycle';
import { deletedCollections } from '../src/deletedCollections';

const lines: string[] = [];
const logger = createLogger('test', 'info', { write: (line) => void lines.push(line) });
let environment: TestEnvironment;
let database: Database;
let blobs: BlobStore;
beforeAll(async () => {
  environment = await createTestEnvironment();
  const config = environment.config();
  database = openDatabase(config.DATABASE_URL);
  blobs = new BlobStore(config.BLOB_DIR);
});
afterAll(async () => {
  await database?.close();
  await environment?.cleanUp();
});

/** Names the tables that still have something of a collection. */
async function tablesWith(collectionId: string): Promise<string[]> {
  const { tables } = await database.sql.one<{ tables: string[] }>(
    `SELECT array_remove(ARRAY[
       CASE WHEN EXISTS (SELECT FROM collections WHERE id = $1) THEN 'collections' END,
       CASE WHEN EXISTS (SELECT FROM documents WHERE collection_id = $1) THEN 'documents' END,
       CASE WHEN EXISTS (SELECT FROM document_chunks WHERE collection_id = $1) THEN 'document_chunks' END,
       CASE WHEN EXISTS (SELECT FROM collection_counts WHERE collection_id = $1) THEN 'collection_counts' END,
       CASE WHEN EXISTS (SELECT FROM collection_days WHERE collection_id = $1) THEN 'collection_days' END,
       CASE WHEN EXISTS (SELECT FROM collection_members WHERE collection_id = $1) THEN 'collection_members' END],
       NULL) AS tables`,
    [collectionId],
  );
  return tables;
}

/** The names of all files in the blob store that belong to these documents. */
async function originalsOf(ids: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    ids.map(async (id) =>
      blobs
        .localPath(originalKey(id))
        .then(access)
        .then(
          () => [id],
          () => [],
        ),
    ),
  );
  return found.flat();
}

async function storeOriginal(documentId: string): Promise<void> {
  const staged = await blobs.stage(
    (async function* () {
      yield Buffer.from('original');
    })(),
  );
  await staged.keep(originalKey(documentId));
  await database.sql.none('UPDATE documents SET source_path = $2 WHERE id = $1', [documentId, originalKey(documentId)]);
}

test('When a collection is deleted in the middle of its work, then nothing of it is left, and its neighbour is whole', async () => {
  const [collectionId, neighbour] = [await newCollection(database), await newCollection(database)];
  const kept = await endedDocument(database, 2, { collectionId: neighbour });
  const queued = await acceptedDocument(database, { collectionId });
  const read = await acceptedDocument(database, { collectionId });
  const waiting = await chunkedDocument(database, 2, { collectionId });
  const ended = await endedDocument(database, 3, { collectionId, failures: { 0: 'EMBEDDING_REJECTED' } });
  await claimedJob(database, read.jobId);
  const documents = [queued, read, waiting, ended].map(({ documentId }) => documentId);
  for (const id of [...documents, kept.documentId]) {
    await storeOriginal(id);
  }
  await deleteCollection(database, { id: collectionId, ifEmpty: false }, testActor);

  // Its deliveries are done: there is nothing to claim, and nothing to come back for.
  expect(await claimJob(database, { jobId: queued.jobId, ...testLease })).toEqual({ outcome: 'gone' });
  expect(await claimJob(database, { jobId: queued.jobId, ...testLease, maxInCollection: 5 })).toEqual({
    outcome: 'gone',
  });
  expect((await claimChunks(database, { chunkIds: waiting.chunkIds, ...testLease })).chunks).toEqual([]);
  expect(await database.jobChunks.findAll(waiting.chunkIds)).toEqual([]);
  const page = { after: '00000000-0000-0000-0000-000000000000', olderThanMs: 0, limit: 1_000 };
  const lost = [...(await database.jobs.listWaiting(page)), ...(await database.jobChunks.listWaiting(page))];
  expect(lost.map(({ id }) => id)).not.toEqual(expect.arrayContaining([queued.jobId]));
  expect(lost.filter(({ id }) => waiting.chunkIds.includes(id))).toEqual([]);

  // One document at a time, as if each batch were the last before a crash.
  expect(await removeDeleted(database, { documents: 1, chunks: 1 })).toMatchObject({ documents: 1, isGone: false });
  const uses = await database.collections.uses([collectionId]);
  expect(Object.values(uses.get(collectionId)?.documents ?? {}).reduce((sum, n) => sum + n, 0)).toBe(3);
  expect(await deletedCollections({ database, blobs, logger })()).toBe(3);
  expect(await tablesWith(collectionId)).toEqual([]);
  // The original of the batch that "crashed" is an orphan, which another sweep removes.
  expect(await originalsOf(documents)).toHaveLength(1);
  expect(lines.join()).toContain('nothing is left of a deleted collection');

  expect(await tablesWith(neighbour)).toContain('document_chunks');
  expect(await originalsOf([kept.documentId])).toEqual([kept.documentId]);
  expect(await deletedCollections({ database, blobs, logger })()).toBe(0);
});
