import { z } from 'zod';
import { idSchema } from './ids';

/** Queue payloads carry ids and a version, never content: the row is the truth, the queue only delivers. */
export const documentDelivery = z.object({
  version: z.literal(1),
  jobId: idSchema,
  documentId: idSchema,
});
export type DocumentDelivery = z.infer<typeof documentDelivery>;

export const chunkDelivery = z.object({
  version: z.literal(1),
  chunkId: idSchema,
  jobId: idSchema,
  documentId: idSchema,
  collectionId: idSchema,
});
export type ChunkDelivery = z.infer<typeof chunkDelivery>;

/** The queues, each with the schema of its deliveries. */
export const queueSchemas = {
  /** Jobs whose document is to be read. */
  documents: documentDelivery,
  /** Chunks of uploads, which the current model embeds. */
  chunks: chunkDelivery,
  /** Stored chunks, which the next model embeds. */
  'reembed-chunks': chunkDelivery,
};
export type QueueName = keyof typeof queueSchemas;
export const queueNames = Object.keys(queueSchemas) as QueueName[];
export type ChunkQueueName = Extract<QueueName, 'chunks' | 'reembed-chunks'>;
export type Delivery<N extends QueueName> = z.infer<(typeof queueSchemas)[N]>;

/** A chunk delivery to make after the commit that decided it. */
export interface ChunkDispatch {
  queue: ChunkQueueName;
  chunkId: string;
  jobId: string;
  documentId: string;
  collectionId: string;
  chunkIndex: number;
  /** The queue job's id, as it stands on the row: making the same delivery twice adds nothing. */
  queueJobId: string;
  /** How long the delivery should wait, in milliseconds. */
  delayMs: number;
}

/** A job delivery to make after the commit that decided it. */
export interface JobDispatch {
  jobId: string;
  documentId: string;
  queueJobId: string;
  /** How long the delivery should wait, in milliseconds. */
  delayMs: number;
}
