import { cleanText, MillraceError, type SearchResponse, searchRequestSchema } from '@millrace/contracts';
import { Router } from 'express';
import type { Dependencies } from '../dependencies';
import { jsonBody } from '../jsonBody';
import { onlyMethods } from '../problems';
import { requireScope } from '../scope';

export function searchRoutes({ database, provider }: Dependencies): Router {
  const router = Router();

  router
    .route('/search')
    .post(jsonBody, async (request, response) => {
      const { query, limit, collection_id, document_id, filter: wanted } = searchRequestSchema.parse(request.body);
      await requireScope(database, { collection_id, document_id });
      const [vector] = await provider.embed([cleanText(query)]);
      if (!vector) {
        throw new MillraceError('EMBEDDING_INVALID_RESPONSE', 'No vector was made for the query');
      }
      const filter = {
        embeddingModel: provider.model,
        collectionId: collection_id,
        documentId: document_id,
        metadata: wanted?.metadata,
      };
      const rows = await database.read((session) => session.documentChunks.search(vector, filter, limit));
      response.json({
        query,
        hits: rows.map(({ content, ...row }) => ({ ...row, text: content })),
      } satisfies SearchResponse);
    })
    .all(onlyMethods('POST'));

  return router;
}
