import {
  acceptedTypes,
  changeDocumentRequestSchema,
  documentChunksResponseSchema,
  documentDetailSchema,
  documentPagesResponseSchema,
  documentResponseSchema,
  documentsQuerySchema,
  documentsResponseSchema,
  newId,
  pageQuerySchema,
  uploadResponseSchema,
} from '@millrace/contracts';
import { type Accepted, deleteDocument as removeRows } from '@millrace/lifecycle';
import { answerOnce } from '../http/answerOnce';
import { decodeCursor, decodePlace, toPage, toPlacedPage } from '../http/cursor';
import { endpoint, jsonBody } from '../http/endpoint';
import { filterOfWork } from '../http/filterOfWork';
import { acceptUpload } from '../uploads/acceptUpload';
import { receiveUpload } from '../uploads/receiveUpload';
import { uploadFields, uploadForm, uploadHeaders, uploadQuery } from '../uploads/uploadFields';
import { documentChunkView, documentLinks, documentPageView, documentView, jobView, missingView } from '../views';
import { documentNotFound } from './documentNotFound';
import { inPath } from './pathParameters';

/** How many missing chunks and pages an answer names. */
const namedMissing = 100;

export const uploadDocument = endpoint({
  method: 'POST',
  path: '/api/v1/documents',
  summary: 'Upload a PDF, plain text, Markdown or HTML',
  description:
    'Send the file as multipart/form-data with one file, or as the raw body. The options of a raw body are in the query; ' +
    'a field of a form goes before the same option in the query. The content decides what the file is, not its name. ' +
    'The header Location has the address of the document.',
  params: {},
  query: uploadQuery,
  headers: uploadHeaders,
  body: { kind: 'upload', form: uploadForm, mediaTypes: [...acceptedTypes, 'application/octet-stream'] },
  responses: {
    202: { description: 'The file is accepted. Follow the job.', schema: uploadResponseSchema },
    200: {
      description:
        'The collection, or the document with this external id, already holds this content. The answer has its document and job.',
      schema: uploadResponseSchema,
    },
  },
  errors: [
    'COLLECTION_NOT_FOUND',
    'DOCUMENT_IN_PROGRESS',
    'IDEMPOTENCY_IN_PROGRESS',
    'IDEMPOTENCY_KEY_REUSED',
    'QUOTA_EXCEEDED',
    'DAILY_QUOTA_EXCEEDED',
    'STORAGE_UNAVAILABLE',
  ],
  access: 'documents.write',
  rateClass: 'upload',
  uses: ['access', 'blobs', 'config', 'database', 'deliveries', 'logger', 'unlocker'],
}).handle(async ({ query: { filename, ...options }, headers, body, gone }, resources) => {
  const { blobs, config } = resources;
  const upload = await receiveUpload(body, blobs, {
    maxBytes: config.UPLOAD_MAX_BYTES,
    rawName: filename,
    headerPassword: headers['X-Document-Password'],
  });
  try {
    const fields = { ...options, ...uploadFields.parse(upload.fields) };
    const { access, database } = resources;
    const collection =
      fields.collection_id === undefined
        ? await access.defaultCollection()
        : await access.collection(fields.collection_id);
    // What a request that names no collection means depends on its key.
    const meant = Object.entries({ ...fields, collection_id: collection.id }).sort();
    const asked = ['POST /api/v1/documents', meant, upload.filename, upload.contentHash];
    const key = headers['Idempotency-Key'];
    return await answerOnce(database, { userId: access.principal.userId, key, asked }, async (record) => {
      const accepted = await acceptUpload(resources, {
        upload,
        fields,
        collectionId: collection.id,
        gone,
        record: record && ((session, accepted) => record(session, uploadAnswer(accepted))),
      });
      return uploadAnswer(accepted);
    });
  } finally {
    // Before the answer goes out: a client that has its answer leaves nothing in the staging area.
    await upload.staged.discard();
  }
});

function uploadAnswer({ duplicate, document, job }: Accepted) {
  const links = documentLinks(document.id, job.id);
  return {
    status: duplicate ? (200 as const) : (202 as const),
    headers: { Location: links.self },
    body: { duplicate, document: documentView(document), job: jobView(job), links },
  };
}

export const listDocuments = endpoint({
  method: 'GET',
  path: '/api/v1/documents',
  summary: 'List documents, the newest first',
  description: 'Every filter that is given must hold. Of each external id the list has only the current version.',
  params: {},
  query: documentsQuerySchema,
  responses: { 200: { description: 'Documents that fit', schema: documentsResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND'],
  access: 'documents.list',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ query }, { access, database }) => {
  const scope = await access.scope(query);
  const filter = {
    ...scope,
    externalId: query.external_id,
    allVersions: query.versions === 'all',
    statuses: query.status,
    ...filterOfWork(query),
  };
  const rows = await database.documents.list(filter, { after: decodePlace(query.cursor), limit: query.limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, query.limit);
  return { status: 200, body: { documents: items.map(documentView), next_cursor: nextCursor } };
});

export const changeDocument = endpoint({
  method: 'PATCH',
  path: '/api/v1/documents/{id}',
  summary: 'Replace the metadata of a document',
  description: 'The new object replaces the whole old one. Searches filter by it from then on.',
  params: { id: inPath.documentId },
  body: jsonBody(changeDocumentRequestSchema),
  responses: { 200: { description: 'The document after the change', schema: documentResponseSchema } },
  errors: ['DOCUMENT_NOT_FOUND'],
  access: 'documents.write',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params, body }, { access, database, logger }) => {
  const { id } = await access.document(params.id);
  const changed = await database.transaction(async ({ actions, documents }) => {
    const document = await documents.replaceMetadata(id, body.metadata);
    if (document) {
      await actions.record({ id: newId(), kind: 'change_metadata', actor: access.principal, documentId: id });
    }
    return document;
  });
  if (!changed) {
    throw documentNotFound(id);
  }
  logger.info({ documentId: id }, 'the metadata of a document was replaced');
  return { status: 200, body: documentView(changed) };
});

export const getDocument = endpoint({
  method: 'GET',
  path: '/api/v1/documents/{id}',
  summary: 'Get a document, its status, and what it lacks',
  params: { id: inPath.documentId },
  responses: { 200: { description: 'The document', schema: documentDetailSchema } },
  errors: ['DOCUMENT_NOT_FOUND'],
  access: 'documents.list',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const document = await access.document(params.id);
  if (document.status === 'queued' || document.status === 'processing') {
    return { status: 200, body: { ...documentView(document), missing: null } };
  }
  const [chunks, pages] = await Promise.all([
    database.jobChunks.listMissing(document.id, namedMissing),
    database.documentPages.listFailed(document.id, namedMissing),
  ]);
  const missing = missingView(chunks, pages, document.repair);
  return { status: 200, body: { ...documentView(document), missing } };
});

export const deleteDocument = endpoint({
  method: 'DELETE',
  path: '/api/v1/documents/{id}',
  summary: 'Delete a document with its original, chunks and vectors',
  description:
    'Deleting the current version of an external id deletes all its versions. No older one comes back. Deleting another ' +
    'version deletes that version alone.',
  params: { id: inPath.documentId },
  responses: { 204: { description: 'The document is deleted.' } },
  errors: ['DOCUMENT_NOT_FOUND'],
  access: 'documents.write',
  rateClass: 'write',
  uses: ['access', 'blobs', 'database', 'logger'],
}).handle(async ({ params }, { access, blobs, database, logger }) => {
  const { id } = await access.document(params.id);
  const deleted = await removeRows(database, id, access.principal);
  if (!deleted) {
    throw documentNotFound(id);
  }
  for (const sourcePath of deleted.sourcePaths) {
    await blobs.remove(sourcePath);
  }
  logger.info({ documentId: id }, 'a document was deleted');
  return { status: 204 };
});

export const listDocumentChunks = endpoint({
  method: 'GET',
  path: '/api/v1/documents/{id}/chunks',
  summary: 'List the searchable chunks of a document',
  params: { id: inPath.documentId },
  query: pageQuerySchema,
  responses: { 200: { description: 'Chunks in order of chunk_index', schema: documentChunksResponseSchema } },
  errors: ['DOCUMENT_NOT_FOUND'],
  access: 'documents.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params, query: { limit, cursor } }, { access, database }) => {
  const { id } = await access.document(params.id);
  const rows = await database.documentChunks.list(id, { after: decodeCursor(cursor, -1), limit: limit + 1 });
  const { items, nextCursor } = toPage(rows, limit, (row) => row.chunkIndex);
  return {
    status: 200,
    body: { document_id: id, chunks: items.map(documentChunkView), next_cursor: nextCursor },
  };
});

export const listDocumentPages = endpoint({
  method: 'GET',
  path: '/api/v1/documents/{id}/pages',
  summary: 'List the pages of a document with their outcomes',
  params: { id: inPath.documentId },
  query: pageQuerySchema,
  responses: { 200: { description: 'Pages in order of their numbers', schema: documentPagesResponseSchema } },
  errors: ['DOCUMENT_NOT_FOUND'],
  access: 'documents.list',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params, query: { limit, cursor } }, { access, database }) => {
  const { id } = await access.document(params.id);
  const rows = await database.documentPages.list(id, { after: decodeCursor(cursor, 0), limit: limit + 1 });
  const { items, nextCursor } = toPage(rows, limit, (row) => row.page);
  return { status: 200, body: { document_id: id, pages: items.map(documentPageView), next_cursor: nextCursor } };
});
