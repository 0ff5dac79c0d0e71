import type { ChunkQueueName } from '@millrace/contracts';
import type { EmbeddingModels, StoredModel, VectorTable } from '@millrace/database';

/** The work of one worker: it embeds the chunks of a queue, with a model, into a table. */
export interface Target {
  queue: ChunkQueueName;
  table: VectorTable;
  /** The model to embed with, or null when there is no such work now. */
  modelOf: (models: EmbeddingModels) => StoredModel | null;
  /** True while all workers of the queue have to wait. */
  isClosed: (models: EmbeddingModels) => boolean;
}

/** Chunks of uploads. They wait while the last vectors of the next model are made. */
export const uploadedChunks: Target = {
  queue: 'chunks',
  table: 'document_chunks',
  modelOf: ({ active }) => active,
  isClosed: ({ next }) => next?.closing ?? false,
};

/** Stored chunks, which get a vector of the next model. */
export const storedChunks: Target = {
  queue: 'reembed-chunks',
  table: 'document_chunks_next',
  modelOf: ({ next }) => next,
  isClosed: () => false,
};
