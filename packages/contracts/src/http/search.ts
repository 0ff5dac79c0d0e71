import { z } from 'zod';
import { boxSchema } from '../chunks';
import { idSchema } from '../ids';
import { metadataFilterSchema } from '../metadata';
import { documentStatus } from '../statuses';

export const searchRequestSchema = z.strictObject({
  query: z.string().trim().min(1).max(10_000),
  collection_id: idSchema.optional(),
  document_id: idSchema.optional(),
  /** Only documents whose metadata contains this; PostgreSQL's `@>`. */
  filter: z.strictObject({ metadata: metadataFilterSchema }).optional(),
  limit: z.int().min(1).max(100).default(10),
});
export type SearchRequest = z.input<typeof searchRequestSchema>;

export const searchHitSchema = z.object({
  chunk_id: idSchema,
  document_id: idSchema,
  collection_id: idSchema,
  filename: z.string(),
  /** The document's status: a hit in a `partial` document is labelled as such. */
  document_status: documentStatus,
  text: z.string(),
  /** Cosine similarity of query and chunk, from -1 to 1; higher is closer. */
  score: z.number(),
  page_start: z.int(),
  page_end: z.int(),
  section: z.string().nullable(),
  coordinates: z.array(boxSchema),
});
export type SearchHit = z.infer<typeof searchHitSchema>;

export const searchResponseSchema = z.object({
  query: z.string(),
  hits: z.array(searchHitSchema),
});
export type SearchResponse = z.infer<typeof searchResponseSchema>;
