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
});
export type ChunkDelivery = z.infer<typeof chunkDelivery>;

/** The queues and what they carry. */
export const queueNames = { documents: 'documents', chunks: 'chunks' } as const;
