import { cleanText, MillraceError, type SearchResponse, searchRequestSchema } from '@millrace/contracts';
import { json, type NextFunction, type Request, type Response, Router } from 'express';
import type { Dependencies } from '../dependencies';
import { onlyMethods } from '../problems';

export function searchRoutes({ database, provider }: Dependencies): Router {
  const router = Router();

  router
    .route('/search')
    .post(requireJson, json({ limit: '256kb' }), async (request, response) => {
      const { query, limit, collection_id, document_id } = searchRequestSchema.parse(request.body);
      if (collection_id && !(await database.collections.find(collection_id))) {
        throw new MillraceError('COLLECTION_NOT_FOUND', `There is no collection ${collection_id}`);
      }
      if (document_id && !(await database.documents.find(document_id))) {
        throw new MillraceError('DOCUMENT_NOT_FOUND', `There is no document ${document_id}`);
      }
      const [vector] = await provider.embed([cleanText(query)]);
      if (!vector) {
        throw new MillraceError('EMBEDDING_INVALID_RESPONSE', 'No vector was made for the query');
      }
      const filter = { embeddingModel: provider.model, collectionId: collection_id, documentId: document_id };
      const rows = await database.transaction((session) => session.documentChunks.search(vector, filter, limit));
      response.json({
        query,
        hits: rows.map(({ content, ...row }) => ({ ...row, text: content })),
      } satisfies SearchResponse);
    })
    .all(onlyMethods('POST'));

  return router;
}

/** Without this a body of another type would be taken for no body at all, and the answer would not say why. */
function requireJson(request: Request, _response: Response, next: NextFunction): void {
  if (!request.is('application/json')) {
    throw new MillraceError('REQUEST_INVALID', 'Send a JSON body with Content-Type: application/json', {
      extra: { errors: [{ path: '', message: 'The body must be application/json' }] },
    });
  }
  next();
}
