import { newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newJobChunk } from '@millrace/test-support';
import {
  acceptedDocument,
  chunkedDocument,
  claimedChunks,
  claimedJob,
  createOwnDatabase,
  documentStatusOf,
  newPage,
  settleClaim,
  testActor,
  testLease,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import { claimJob, deleteDocument, storeChunks } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

/** How many rows there are in the tables that refer to documents. */
async function leftOf(documentId: string): Promise<number> {
  const { left } = await database.sql.one<{ left: number }>(
    `SELECT ((SELECT count(*) FROM document_chunks WHERE document_id = $1)
           + (SELECT count(*) FROM document_pages WHERE document_id = $1)
           + (SELECT count(*) FROM jobs WHERE document_id = $1))::integer AS left`,
    [documentId],
  );
  return left;
}

describe('Deleting a document', () => {
  test('When its chunks are being embedded, then all its rows are deleted and a late settlement changes nothing', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 4);
    const sibling = await chunkedDocument(database, 1);
    const held = await claimedChunks(database, chunkIds.slice(0, 2));
    const [unlucky = '', ...others] = chunkIds.slice(2);
    await settleClaim(database, await claimedChunks(database, [unlucky, ...others]), {
      failed: [transientFailure(unlucky)],
    });

    expect(await deleteDocument(database, documentId, testActor)).toMatchObject({
      sourcePaths: [`originals/${documentId}`],
    });
    expect((await settleClaim(database, held)).chunkIds.size).toBe(0);
    expect(await database.documents.find(documentId)).toBeNull();
    expect(await database.jobs.find(jobId)).toBeNull();
    expect(await database.jobChunks.findAll(chunkIds)).toEqual([]);
    expect(await database.chunkAttempts.list(unlucky)).toEqual([]);
    expect(await leftOf(documentId)).toBe(0);
    expect(await documentStatusOf(database, sibling.documentId)).toBe('processing');
    expect((await claimedChunks(database, sibling.chunkIds)).chunks).toHaveLength(1);
  });

  test('When it is being read, then the result of the reading is not stored', async () => {
    const { document, job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    await deleteDocument(database, document.id, testActor);
    const chunked = { title: null, pages: [newPage(1)], chunks: [newJobChunk(0)] };
    expect(await storeChunks(database, claimed, chunked)).toBeNull();
    expect(await claimJob(database, { jobId: job.id, ...testLease })).toEqual({ outcome: 'gone' });
    expect(await leftOf(document.id)).toBe(0);
  });

  test('When it is settled at the same moment, then neither fails and no row stays', async () => {
    const { documentId, chunkIds } = await chunkedDocument(database, 12);
    const claims = await Promise.all(chunkIds.map((id) => claimedChunks(database, [id])));
    await Promise.all([
      ...claims.map((each) => settleClaim(database, each)),
      deleteDocument(database, documentId, testActor),
    ]);
    expect(await database.documents.find(documentId)).toBeNull();
    expect(await leftOf(documentId)).toBe(0);
  });

  test('When its chunks are stored at the same moment, then neither fails and no row stays', async () => {
    const { document, job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    const chunked = { title: null, pages: [newPage(1)], chunks: [0, 1, 2].map((i) => newJobChunk(i)) };
    await Promise.all([storeChunks(database, claimed, chunked), deleteDocument(database, document.id, testActor)]);
    expect(await leftOf(document.id)).toBe(0);
  });

  test('When there is no such document, then the answer says so', async () => {
    expect(await deleteDocument(database, newId(), testActor)).toBeNull();
  });
});
