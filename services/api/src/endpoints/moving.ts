import { originalKey } from '@millrace/blobs';
import { documentResponseSchema, MillraceError, newId, otherCollectionRequestSchema } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { copyDocument as copyRows, moveDocument as moveRows } from '@millrace/lifecycle';
import { endpoint, jsonBody } from '../http/endpoint';
import { documentLinks, documentView } from '../views';
import { documentNotFound } from './documentNotFound';
import { inPath } from './pathParameters';

export const moveDocument = endpoint({
  method: 'POST',
  path: '/api/v1/documents/{id}/move',
  summary: 'Move a document to another collection',
  description:
    'Nothing is embedded again. All versions of its external id go with it. It needs the role writer in both collections.',
  params: { id: inPath.documentId },
  body: jsonBody(otherCollectionRequestSchema),
  responses: { 200: { description: 'The document in its new collection', schema: documentResponseSchema } },
  errors: [
    'DOCUMENT_NOT_FOUND',
    'COLLECTION_NOT_FOUND',
    'DOCUMENT_IN_PROGRESS',
    'DUPLICATE_DOCUMENT',
    'VERSION_NOT_CURRENT',
    'QUOTA_EXCEEDED',
  ],
  access: 'documents.write',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params, body }, { access, database, logger }) => {
  const { id } = await access.document(params.id);
  const { id: collectionId } = await access.collection(body.collection_id);
  if (!(await moveRows(database, { documentId: id, collectionId }, access.principal))) {
    throw documentNotFound(id);
  }
  logger.info({ documentId: id, collectionId }, 'a document was moved');
  return { status: 200, body: await viewOf(database, id) };
});

export const copyDocument = endpoint({
  method: 'POST',
  path: '/api/v1/documents/{id}/copy',
  summary: 'Copy a document to another collection',
  description:
    'The copy is searchable at once, and nothing is embedded. It has its own original and no external id. ' +
    'It needs the role writer in both collections. The header Location has its address.',
  params: { id: inPath.documentId },
  body: jsonBody(otherCollectionRequestSchema),
  responses: { 201: { description: 'The new document', schema: documentResponseSchema } },
  errors: [
    'DOCUMENT_NOT_FOUND',
    'COLLECTION_NOT_FOUND',
    'DOCUMENT_IN_PROGRESS',
    'DOCUMENT_NOT_SEARCHABLE',
    'DUPLICATE_DOCUMENT',
    'QUOTA_EXCEEDED',
    'BLOB_MISSING',
    'STORAGE_UNAVAILABLE',
  ],
  access: 'documents.write',
  rateClass: 'write',
  uses: ['access', 'blobs', 'database', 'logger'],
}).handle(async ({ params, body }, { access, blobs, database, logger }) => {
  const source = await access.document(params.id);
  const { id: collectionId } = await access.collection(body.collection_id);
  const id = newId();
  const sourcePath = source.sourcePath === null ? null : originalKey(id);
  // As with an upload, the original is durable before the row that names it.
  if (source.sourcePath !== null) {
    await blobs.copy(source.sourcePath, originalKey(id));
  }
  const copy = { id, jobId: newId(), collectionId, ownerId: access.principal.userId, sourcePath };
  try {
    if (!(await copyRows(database, source.id, copy, access.principal))) {
      throw documentNotFound(source.id);
    }
  } catch (error) {
    // After a COMMIT without an answer the copy may exist.
    if (!(error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE')) {
      await blobs.remove(originalKey(id));
    }
    throw error;
  }
  logger.info({ documentId: source.id, copyId: id, collectionId }, 'a document was copied');
  return {
    status: 201,
    headers: { Location: documentLinks(id, copy.jobId).self },
    body: await viewOf(database, id),
  };
});

async function viewOf({ documents }: Database, id: string) {
  const document = await documents.find(id);
  if (!document) {
    throw documentNotFound(id);
  }
  return documentView(document);
}
