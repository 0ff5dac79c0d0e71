import { cleanText, searchRequestSchema, searchResponseSchema } from '@millrace/contracts';
import { endpoint, jsonBody } from '../http/endpoint';
import { searchHitView } from '../views';

export const searchChunks = endpoint({
  method: 'POST',
  path: '/api/v1/search',
  summary: 'Search by meaning',
  params: {},
  body: jsonBody(searchRequestSchema),
  responses: { 200: { description: 'The nearest chunks, nearest first', schema: searchResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND', 'DOCUMENT_NOT_FOUND'],
  access: 'documents.read',
  rateClass: 'search',
  uses: ['access', 'search'],
}).handle(async ({ body }, { access, search }) => {
  const { query, limit, filter } = body;
  // Before a provider is paid for the vector of the query.
  const scope = await access.scope(body);
  const rows = await search.find(
    cleanText(query),
    { ...scope, externalId: body.external_id, metadata: filter?.metadata },
    limit,
  );
  return { status: 200, body: { query, hits: rows.map(searchHitView) } };
});
