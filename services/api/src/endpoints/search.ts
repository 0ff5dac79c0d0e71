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
  access: 'principal',
  rateClass: 'search',
  uses: ['access', 'search'],
}).handle(async ({ body }, { access, search }) => {
  const { query, limit, filter } = body;
  const scope = access.scope(body);
  const rows = await search.find(cleanText(query), { ...scope, metadata: filter?.metadata }, limit);
  if (rows.length === 0) {
    // A scope with a hit exists, so most searches need no further query.
    await access.requireScope(scope);
  }
  return { status: 200, body: { query, hits: rows.map(searchHitView) } };
});
