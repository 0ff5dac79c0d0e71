import {
  type DocumentChunksResponse,
  type DocumentDetail,
  type DocumentPagesResponse,
  idSchema,
  MillraceError,
  pageQuerySchema,
  type UploadResponse,
} from '@millrace/contracts';
import type { DocumentRow } from '@millrace/database';
import { type Accepted, deleteDocument } from '@millrace/lifecycle';
import { type Response, Router } from 'express';
import type { Dependencies } from '../dependencies';
import { decodeCursor, toPage } from '../http/cursor';
import { onlyMethods } from '../http/problems';
import { acceptUpload } from '../uploads/acceptUpload';
import { type ReceivedUpload, receiveUpload } from '../uploads/receiveUpload';
import { uploadFields } from '../uploads/uploadFields';
import { documentChunkView, documentLinks, documentPageView, documentView, jobView, missingView } from '../views';

/** How many missing chunks and pages an answer names. */
const namedMissing = 100;

export function documentRoutes(dependencies: Dependencies): Router {
  const { config, database, blobs, logger } = dependencies;
  const router = Router();

  router
    .route('/documents')
    .post(async (request, response) => {
      if (request.query.password !== undefined) {
        throw passwordInQuery();
      }
      const named = typeof request.query.filename === 'string' ? request.query.filename : undefined;
      const upload = await receiveUpload(request, blobs, config.UPLOAD_MAX_BYTES, named);
      const gone = goneSignal(response);
      const { duplicate, document, job } = await takeIn(upload, { ...request.query, ...upload.fields }, gone);
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
      const document = await findDocument(request.params.id);
      response.json({ ...documentView(document), missing: await findMissing(document) } satisfies DocumentDetail);
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
      const place = { after: decodeCursor(cursor, -1), limit: limit + 1 };
      const rows = await database.documentChunks.list(id, place);
      const { items, nextCursor } = toPage(rows, limit, (row) => row.chunkIndex);
      response.json({
        document_id: id,
        chunks: items.map(documentChunkView),
        next_cursor: nextCursor,
      } satisfies DocumentChunksResponse);
    })
    .all(onlyMethods('GET'));

  router
    .route('/documents/:id/pages')
    .get(async (request, response) => {
      const { limit, cursor } = pageQuerySchema.parse(request.query);
      const { id } = await findDocument(request.params.id);
      const place = { after: decodeCursor(cursor, 0), limit: limit + 1 };
      const rows = await database.documentPages.list(id, place);
      const { items, nextCursor } = toPage(rows, limit, (row) => row.page);
      response.json({
        document_id: id,
        pages: items.map(documentPageView),
        next_cursor: nextCursor,
      } satisfies DocumentPagesResponse);
    })
    .all(onlyMethods('GET'));

  /** Accepts what was received; whatever comes of it, nothing is left in the staging area when the client hears of it. */
  async function takeIn(upload: ReceivedUpload, fields: Record<string, unknown>, gone: AbortSignal): Promise<Accepted> {
    try {
      return await acceptUpload(dependencies, upload, uploadFields.parse(fields), gone);
    } finally {
      await upload.staged.discard();
    }
  }

  /** What a document lacks, or null while that is not known yet or nothing is missing. */
  async function findMissing(document: DocumentRow): Promise<DocumentDetail['missing']> {
    if (document.status === 'queued' || document.status === 'processing') {
      return null;
    }
    const [chunks, pages] = await Promise.all([
      database.jobChunks.listMissing(document.jobId, namedMissing),
      database.documentPages.listFailed(document.id, namedMissing),
    ]);
    return missingView(chunks, pages, document.repair);
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

/** Aborted when the connection closes before the answer has gone out. */
function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) {
    controller.abort();
  }
  response.once('close', () => controller.abort());
  return controller.signal;
}

function passwordInQuery(): MillraceError {
  const message =
    'must not stand in the address, which gets logged: use a form field, or the header X-Document-Password';
  return new MillraceError('REQUEST_INVALID', `password: ${message}`, {
    extra: { errors: [{ path: 'password', message }] },
  });
}

function noDocument(id: string): MillraceError {
  return new MillraceError('DOCUMENT_NOT_FOUND', `There is no document ${id}`);
}
