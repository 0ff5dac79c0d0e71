import { z } from 'zod';
import { idSchema } from './ids';

/** A delivery carries ids and a version, never content: the row is the truth, and the queue only delivers. */
const documentDelivery = z.object({
  version: z.literal(1),
  jobId: idSchema,
  documentId: idSchema,
});
export type DocumentDelivery = z.infer<typeof documentDelivery>;

const chunkDelivery = z.object({
  version: z.literal(1),
  chunkId: idSchema,
  jobId: idSchema,
  documentId: idSchema,
  collectionId: idSchema,
});
export type ChunkDelivery = z.infer<typeof chunkDelivery>;

/** The queues, each with the schema of its deliveries. */
export const queueSchemas = {
  /** Jobs whose document must be read. */
  documents: documentDelivery,
  /** Chunks of uploads. The current model embeds them. */
  chunks: chunkDelivery,
  /** Stored chunks. The next model embeds them. */
  'reembed-chunks': chunkDelivery,
};
export type QueueName = keyof typeof queueSchemas;
export const queueNames = Object.keys(queueSchemas) as QueueName[];
export type ChunkQueueName = Extract<QueueName, 'chunks' | 'reembed-chunks'>;
export type Delivery<N extends QueueName> = z.infer<(typeof queueSchemas)[N]>;

/** A decided delivery of a chunk. It is made after the commit. */
export interface ChunkDispatch {
  queue: ChunkQueueName;
  chunkId: string;
  jobId: string;
  documentId: string;
  collectionId: string;
  chunkIndex: number;
  /** The id of the queue job, which the row holds. A second delivery with the same id adds nothing. */
  queueJobId: string;
  /** How long the delivery waits, in milliseconds. */
  delayMs: number;
}

/** A decided delivery of a job. It is made after the commit. */
export interface JobDispatch {
  jobId: string;
  documentId: string;
  collectionId: string;
  queueJobId: string;
  /** How long the delivery waits, in milliseconds. */
  delayMs: number;
}
