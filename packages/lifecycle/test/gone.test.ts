import { newId } from '@millrace/contracts';
import { type Database, defaultCollectionId, firstAdminId } from '@millrace/database';
import { createOwnDatabase, testActor } from '@millrace/test-support/lifecycle';
import { copyDocument, deleteCollection, moveDocument } from '../src';

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
