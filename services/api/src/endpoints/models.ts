import { type EmbeddingModelsResponse, embeddingModelsResponseSchema } from '@millrace/contracts';
import type { StoredModel } from '@millrace/database';
import { endpoint } from '../http/endpoint';

export const getEmbeddingModels = endpoint({
  method: 'GET',
  path: '/api/v1/embedding-models',
  summary: 'Get the models of the vectors',
  params: {},
  responses: { 200: { description: 'The models at this moment', schema: embeddingModelsResponseSchema } },
  errors: [],
  access: 'models.read',
  rateClass: 'admin',
  uses: ['database'],
}).handle(async (_input, { database }) => {
  const { active, next } = await database.embeddingModels.find();
  return { status: 200, body: { current: modelView(active), next: next && modelView(next) } };
});

function modelView(model: StoredModel): EmbeddingModelsResponse['current'] {
  return {
    model: model.model,
    dimensions: model.dimensions,
    query_prefix: model.queryPrefix,
    document_prefix: model.documentPrefix,
    context: model.context,
    key: model.key,
  };
}
