import {
  documentResponseSchema,
  documentVersionsResponseSchema,
  MillraceError,
  pageQuerySchema,
} from '@millrace/contracts';
import { restoreVersion } from '@millrace/lifecycle';
import { decodeCursor, toPage } from '../http/cursor';
import { endpoint } from '../http/endpoint';
import { documentView } from '../views';
import { documentNotFound } from './documentNotFound';
import { inPath } from './pathParameters';

/** Above every number of a version. */
const newestVersion = 999_999_999;

export const listDocumentVersions = endpoint({
  method: 'GET',
  path: '/api/v1/documents/{id}/versions',
  summary: 'List the versions of a document, the newest first',
  description: 'The document is any version. A document without an external id has one version, itself.',
  params: { id: inPath.documentId },
  query: pageQuerySchema,
  responses: { 200: { description: 'Versions', schema: documentVersionsResponseSchema } },
  errors: ['DOCUMENT_NOT_FOUND'],
  access: 'documents.list',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params, query: { limit, cursor } }, { access, database }) => {
  const document = await access.document(params.id);
  const { externalId } = document;
  // The cursor has the newest version that was listed. Its numbers grow, so it is counted down.
  const below = newestVersion - decodeCursor(cursor, 0);
  const rows =
    externalId === null ? [document] : await database.documents.listVersions(document, { below, limit: limit + 1 });
  const { items, nextCursor } = toPage(rows, limit, (row) => newestVersion - row.version);
  return {
    status: 200,
    body: { external_id: externalId, versions: items.map(documentView), next_cursor: nextCursor },
  };
});

export const restoreDocument = endpoint({
  method: 'POST',
  path: '/api/v1/documents/{id}/restore',
  summary: 'Make a version of a document current again',
  description:
    'The version gets the next number and answers searches from then on. Nothing is embedded. Versions that were being read ' +
    'no longer take its place.',
  params: { id: inPath.documentId },
  responses: { 200: { description: 'The document, which is current', schema: documentResponseSchema } },
  errors: ['DOCUMENT_NOT_FOUND', 'VERSION_NOT_SEARCHABLE'],
  access: 'documents.write',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params }, { access, database, logger }) => {
  const { id } = await access.document(params.id);
  const restored = await restoreVersion(database, id, access.principal);
  if (restored === 'not_searchable') {
    throw new MillraceError('VERSION_NOT_SEARCHABLE');
  }
  const document = restored === null ? null : await database.documents.find(id);
  if (document === null) {
    throw documentNotFound(id);
  }
  logger.info({ documentId: id, version: document.version }, 'a version of a document was made current');
  return { status: 200, body: documentView(document) };
});
