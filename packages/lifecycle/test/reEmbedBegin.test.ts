import type { Database, ReEmbedding } from '@millrace/database';
import { waitFor } from '@millrace/test-support';
import {
  chunkedDocument,
  claimedChunks,
  documentStatusOf,
  endedDocument,
  firstId,
  hasLockWaits,
  newCollection,
  settleClaim,
  testActor,
} from '@millrace/test-support/lifecycle';
import { type BegunReEmbedding, cancelJob, endReEmbedJobs } from '../src';
import { begin, createReEmbedding, embed, running, tryToBegin, wanted } from './reEmbedding';

let database: Database;
let dispose: () => Promise<void>;
let reEmbedding: ReEmbedding;
beforeEach(async () => {
  ({ database, dispose, reEmbedding } = await createReEmbedding());
});
afterEach(() => dispose());

test('When only a few chunks or documents are wanted, then the next call continues there', async () => {
  const first = await endedDocument(database, 3);
  const second = await endedDocument(database, 2);
  await reEmbedding.begin(wanted);
  const some = await begin(database, { chunks: 2 });
  expect(some.dispatches.map((dispatch) => dispatch.documentId)).toEqual([first.documentId, first.documentId]);
  expect(some.last).toBe(firstId);
  // The rest of the first document waits for the job that it has.
  const more = await begin(database, { documents: 1 });
  expect(more).toEqual({ last: first.documentId, dispatches: [] });
  const rest = await begin(database, { after: first.documentId, documents: 1 });
  expect(rest.dispatches.map((dispatch) => dispatch.documentId)).toEqual([second.documentId, second.documentId]);
  await embed(database, some.dispatches);
  expect((await begin(database)).dispatches.map((dispatch) => dispatch.chunkIndex)).toEqual([2]);
});

test('When two reconcilers begin jobs at once, then each chunk gets one', async () => {
  await endedDocument(database, 3);
  await reEmbedding.begin(wanted);
  const begun = await Promise.all([tryToBegin(database), tryToBegin(database), tryToBegin(database)]);
  expect(begun.map((each) => each?.dispatches.length ?? 0).sort()).toEqual([0, 0, 3]);
});

test('When a reconciler is frozen while it begins jobs, then another one does not wait for it', async () => {
  const { documentId } = await endedDocument(database, 1);
  await reEmbedding.begin(wanted);
  let frozen: Promise<BegunReEmbedding> | undefined;
  await database.transaction(async ({ sql }) => {
    await sql.many('SELECT FROM documents WHERE id = $1 FOR UPDATE', [documentId]);
    frozen = begin(database);
    await waitFor('the first one to hold its lock and wait', () => hasLockWaits(database, 1));
    expect(await tryToBegin(database)).toBeNull();
  });
  expect((await frozen)?.dispatches).toHaveLength(1);
});

test('When a document is being moved, then its job is one of the collection that it comes into', async () => {
  const { documentId } = await endedDocument(database, 1);
  await reEmbedding.begin(wanted);
  const collectionId = await newCollection(database);
  let begun: Promise<BegunReEmbedding> | undefined;
  await database.transaction(async ({ sql }) => {
    await sql.many('SELECT FROM documents WHERE id = $1 FOR UPDATE', [documentId]);
    begun = begin(database);
    await waitFor('the beginning to wait for the move', () => hasLockWaits(database, 1));
    await sql.none('UPDATE documents SET collection_id = $2 WHERE id = $1', [documentId, collectionId]);
  });
  const dispatches = (await begun)?.dispatches ?? [];
  expect(dispatches).toMatchObject([{ documentId, collectionId }]);
  expect(await database.jobs.find(dispatches[0]?.jobId ?? '')).toMatchObject({ kind: 're-embed', collectionId });
});

test('When documents are large, then one call ends after some of them, and documents that get no job do not count', async () => {
  const first = await endedDocument(database, 2);
  const second = await endedDocument(database, 2);
  const third = await endedDocument(database, 1);
  await database.sql.none('UPDATE documents SET total_chunks = 60000 WHERE id = ANY($1::uuid[])', [
    [first.documentId, second.documentId],
  ]);
  await reEmbedding.begin(wanted);
  const documentsOf = ({ dispatches }: BegunReEmbedding) => dispatches.map((dispatch) => dispatch.documentId);
  const one = await begin(database);
  expect([one.last, documentsOf(one)]).toEqual([first.documentId, [first.documentId, first.documentId]]);
  const two = await begin(database);
  expect([two.last, documentsOf(two)]).toEqual([second.documentId, [second.documentId, second.documentId]]);
  const three = await begin(database);
  expect([three.last, documentsOf(three)]).toEqual([third.documentId, [third.documentId]]);
});

test('When a document is still being embedded, then it waits for that, unless the change is closing', async () => {
  const { chunkIds, documentId } = await chunkedDocument(database, 2);
  await settleClaim(database, await claimedChunks(database, chunkIds.slice(0, 1)));
  await reEmbedding.begin(wanted);
  expect((await begin(database)).dispatches).toEqual([]);
  await reEmbedding.close(await running(database), 60_000);
  expect((await running(database)).closing).toBe(true);
  const { dispatches } = await begin(database);
  expect(dispatches).toMatchObject([{ documentId }]);
  await embed(database, dispatches);
  expect(await documentStatusOf(database, documentId)).toBe('processing');
});

test('When a document takes long to be embedded, then its stored chunks are embedded again in the meantime', async () => {
  const { chunkIds, documentId } = await chunkedDocument(database, 2);
  await settleClaim(database, await claimedChunks(database, chunkIds.slice(0, 1)));
  await database.sql.none(`UPDATE documents SET created_at = now() - interval '11 minutes'`);
  await reEmbedding.begin(wanted);
  expect((await begin(database)).dispatches).toMatchObject([{ documentId, chunkIndex: 0 }]);
});

test('When more chunks are stored after one has failed, then they get a job, and the failed one waits for an operator', async () => {
  const { documentId, chunkIds } = await chunkedDocument(database, 4);
  const [first = '', second = '', ...later] = chunkIds;
  await settleClaim(database, await claimedChunks(database, [first, second]));
  await database.sql.none(`UPDATE documents SET created_at = now() - interval '11 minutes'`);
  await reEmbedding.begin(wanted);
  const { dispatches } = await begin(database);
  const [bad = { chunkId: '', jobId: '' }] = dispatches;
  await embed(database, dispatches, [bad.chunkId]);
  await settleClaim(database, await claimedChunks(database, later.slice(0, 1)));
  const more = await begin(database);
  expect(more.dispatches).toMatchObject([{ documentId, chunkIndex: 2 }]);
  // The chunks of a cancelled job wait as well, also while the change is closing.
  await cancelJob(database, more.dispatches[0]?.jobId ?? '', testActor);
  await settleClaim(database, await claimedChunks(database, later.slice(1)));
  await reEmbedding.close(await running(database), 60_000);
  expect((await begin(database)).dispatches).toMatchObject([{ documentId, chunkIndex: 3 }]);
  expect((await begin(database)).dispatches).toEqual([]);
});

test('When jobs of a cancelled change are open, then none is made for the next change before they have ended', async () => {
  await endedDocument(database, 2);
  await reEmbedding.begin(wanted);
  await begin(database);
  await reEmbedding.cancel({ kind: 'cli' });
  await reEmbedding.begin({ ...wanted, model: 'third-model' });
  expect(await tryToBegin(database)).toBeNull();
  expect(await endReEmbedJobs(database, 10)).toBe(1);
  expect((await begin(database)).dispatches).toHaveLength(2);
});
