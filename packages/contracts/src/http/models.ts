import { z } from 'zod';
import { embeddingContexts } from '../models';

const modelFields = {
  model: z.string().meta({ description: 'The name of the model.', examples: ['nomic-embed-text'] }),
  dimensions: z.int().min(1).describe('The length of its vectors.'),
  query_prefix: z.string().meta({ description: 'What stands before every query.', examples: ['search_query: '] }),
  document_prefix: z
    .string()
    .meta({ description: 'What stands before every text of a document.', examples: ['search_document: '] }),
  context: z
    .enum(embeddingContexts)
    .describe(
      'What is embedded before the text of a chunk: the title of the document and the headings above it, or nothing.',
    ),
  key: z.string().meta({
    description: 'The embedding_model of chunks: the name, with a hash of the other fields if they add something.',
    examples: ['nomic-embed-text~3f9a1c22'],
  }),
};

export const embeddingModelsResponseSchema = z
  .object({
    current: z.object(modelFields).describe('The model of the vectors that searches find.'),
    next: z.object(modelFields).nullable().describe('The model that replaces it, during a re-embedding.'),
  })
  .meta({ id: 'EmbeddingModels' });
export type EmbeddingModelsResponse = z.infer<typeof embeddingModelsResponseSchema>;
