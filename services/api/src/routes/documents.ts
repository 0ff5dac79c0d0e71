import {
  type DocumentChunksResponse,
  type DocumentPagesResponse,
  idSchema,
  MillraceError,
  pageQuerySchema,
  type UploadResponse,
} from '@millrace/contracts';
import { type DocumentRow, defaultCollectionId } from '@millrace/database';
import { type Accepted, deleteDocument } from '@millrace/lifecycle';
import { Router } from 'express';
import { z } from 'zod';
import { acceptUpload } from '../accept';
import { decodeCursor, toPage } from '../cursor';
import type { Dependencies } from '../dependencies';
import { onlyMethods } from '../problems';
import { type ReceivedUpload, receiveUpload } from '../upload';
import { documentLinks, documentView, jobView } from '../views';

const uploadFields = z.object({ collection_id: idSchema.default(defaultCollectionId) });

export function documentRoutes(dependencies: Dependencies): Router {
  const { config, database, blobs, logger } = dependencies;
  const router = Router();

  router
    .route('/documents')
    .post(async (request, response) => {
      const named = typeof request.query.filename === 'string' ? request.query.filename : undefined;
      const upload = await receiveUpload(request, blobs, config.UPLOAD_MAX_BYTES, named);
      const { duplicate, document, job } = await takeIn(upload, { ...request.query, ...upload.fields });
      const links = documentLinks(document.id, job.id);
      response
        .status(duplicate ? 200 : 202)
        .location(links.self)
        .json({ duplicate, document: documentView(document), job: jobView(job), links } satisfies UploadResponse);
    })
    .all(onlyMethods('POST'));

  router
    .route('/documents/:id')
    .get(async (request, response) => {
      response.json(documentView(await findDocument(request.params.id)));
    })
    .delete(async (request, response) => {
      const { id } = await findDocument(request.params.id);
      const deleted = await deleteDocument(database, id);
      if (!deleted) {
        throw noDocument(id);
      }
      if (deleted.sourcePath) {
        await blobs.remove(deleted.sourcePath);
      }
      logger.info({ documentId: id }, 'a document was deleted');
      response.status(204).end();
    })
    .all(onlyMethods('GET', 'DELETE'));

  router
    .route('/documents/:id/chunks')
    .get(async (request, response) => {
      const { limit, cursor } = pageQuerySchema.parse(request.query);
      const { id } = await findDocument(request.params.id);
      const rows = await database.documentChunks.list(id, { after: decodeCursor(cursor, -1), limit: limit + 1 });
      const { items, nextCursor } = toPage(rows, limit, (row) => row.chunk_index);
      response.json({
        document_id: id,
        chunks: items.map(({ content, ...row }) => ({ ...row, text: content })),
        next_cursor: nextCursor,
      } satisfies DocumentChunksResponse);
    })
    .all(onlyMethods('GET'));

  router
    .route('/documents/:id/pages')
    .get(async (request, response) => {
      const { limit, cursor } = pageQuerySchema.parse(request.query);
      const { id } = await findDocument(request.params.id);
      const rows = await database.documentPages.list(id, { after: decodeCursor(cursor, 0), limit: limit + 1 });
      const { items, nextCursor } = toPage(rows, limit, (row) => row.page);
      response.json({ document_id: id, pages: items, next_cursor: nextCursor } satisfies DocumentPagesResponse);
    })
    .all(onlyMethods('GET'));

  /** Accepts what was received; whatever comes of it, nothing is left in the staging area when the client hears of it. */
  async function takeIn(upload: ReceivedUpload, fields: Record<string, unknown>): Promise<Accepted> {
    try {
      const { collection_id } = uploadFields.parse(fields);
      return await acceptUpload(dependencies, upload, collection_id);
    } finally {
      await upload.staged.discard();
    }
  }

  async function findDocument(id: string): Promise<DocumentRow> {
    const document = idSchema.safeParse(id).success ? await database.documents.find(id) : null;
    if (!document) {
      throw noDocument(id);
    }
    return document;
  }

  return router;
}

function noDocument(id: string): MillraceError {
  return new MillraceError('DOCUMENT_NOT_FOUND', `There is no document ${id}`);
}
