import { cleanText, type SearchResponse, searchRequestSchema } from '@millrace/contracts';
import { Router } from 'express';
import { requireScope } from '../access';
import type { Dependencies } from '../dependencies';
import { jsonBody } from '../http/jsonBody';
import { onlyMethods } from '../http/problems';
import { ChunkSearch } from '../search';
import { searchHitView } from '../views';

export function searchRoutes({ config, database, providers }: Dependencies): Router {
  const router = Router();
  const search = new ChunkSearch(database, providers, config.SEARCH_EFFORT);

  router
    .route('/search')
    .post(jsonBody, async (request, response) => {
      const { query, limit, collection_id, document_id, filter: wanted } = searchRequestSchema.parse(request.body);
      const filter = { collectionId: collection_id, documentId: document_id, metadata: wanted?.metadata };
      const rows = await search.find(cleanText(query), filter, limit);
      if (rows.length === 0) {
        // What something was found in is there, so most searches need not ask.
        await requireScope(database, { collection_id, document_id });
      }
      response.json({
        query,
        hits: rows.map(searchHitView),
      } satisfies SearchResponse);
    })
    .all(onlyMethods('POST'));

  return router;
}
