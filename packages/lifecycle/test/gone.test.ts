import { newId } from '@millrace/contracts';
import { type Database, defaultCollectionId, firstAdminId } from '@millrace/database';
import { waitFor } from '@millrace/test-support';
import {
  createOwnDatabase,
  endedDocument,
  hasLockWaits,
  newCollection,
  newDocument,
  testActor,
} from '@millrace/test-support/lifecycle';
import { copyDocument, deleteCollection, moveDocument, removeDeleted } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

test('When what is to be copied, moved or deleted is gone, then nothing is done and nothing is recorded', async () => {
  const id = newId();
  const copy = {
    id: newId(),
    jobId: newId(),
    collectionId: defaultCollectionId,
    ownerId: firstAdminId,
    sourcePath: null,
  };
  expect(await copyDocument(database, id, copy, testActor)).toBe(false);
  expect(await moveDocument(database, { documentId: id, collectionId: defaultCollectionId }, testActor)).toBe(false);
  expect(await deleteCollection(database, { id, ifEmpty: false }, testActor)).toBeNull();
  expect(await database.actions.list({}, { after: null, limit: 10 })).toEqual([]);
});

test('When a document comes while the row of a deleted collection is being removed, then the row stays', async () => {
  const id = await newCollection(database);
  await deleteCollection(database, { id, ifEmpty: true }, testActor);
  const removing = await database.transaction(async (session) => {
    await session.sql.many('SELECT FROM collections WHERE id = $1 FOR UPDATE', [id]);
    const removal = removeDeleted(database, { documents: 10, chunks: 10 });
    await waitFor('the removal to wait for the row', () => hasLockWaits(database, 1));
    await session.documents.insertIfNew(newDocument({ collectionId: id }));
    return { removal };
  });
  expect(await removing.removal).toMatchObject({ collectionId: id, isGone: false });
  expect(await removeDeleted(database, { documents: 10, chunks: 10 })).toMatchObject({ documents: 1, isGone: false });
  expect(await removeDeleted(database, { documents: 10, chunks: 10 })).toMatchObject({ documents: 0, isGone: true });
});

test('When the same content is uploaded into a collection while a document moves there, then the move is refused', async () => {
  const { documentId } = await endedDocument(database, 1);
  const { contentHash } = (await database.documents.find(documentId)) ?? { contentHash: '' };
  const collectionId = await newCollection(database);
  const { moving } = await database.transaction(async (session) => {
    await session.documents.insertIfNew(newDocument({ collectionId, contentHash }));
    const moving = moveDocument(database, { documentId, collectionId }, testActor).catch((error) => error);
    await waitFor('the move to wait for the upload', () => hasLockWaits(database, 1));
    return { moving };
  });
  expect(await moving).toMatchObject({ code: 'DUPLICATE_DOCUMENT' });
});
