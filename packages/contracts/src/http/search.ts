import { z } from 'zod';
import { boxSchema } from '../chunks';
import { idSchema } from '../ids';
import { metadataFilterSchema } from '../metadata';
import { documentStatus } from '../statuses';
import {
  chunkId,
  chunkText,
  collectionId,
  documentId,
  externalId,
  filename,
  pageEnd,
  pageStart,
  section,
  storedExternalId,
  version,
} from './common';

export const searchRequestSchema = z
  .strictObject({
    query: z
      .string()
      .trim()
      .min(1)
      .max(10_000)
      .meta({ description: 'The text to search for.', examples: ['How much cash does the company have?'] }),
    collection_id: idSchema.optional().describe('Only in this collection.'),
    document_id: idSchema.optional().describe('Only in this document, also if it is a version that is not current.'),
    external_id: externalId.optional().describe('Only in the current version of what has this external id.'),
    filter: z
      .strictObject({
        metadata: metadataFilterSchema.meta({
          description: 'Only documents whose metadata contains this object, as the operator @> of PostgreSQL sees it.',
          examples: [{ year: 2026 }],
        }),
      })
      .optional()
      .describe('Only documents that match.'),
    limit: z.int().min(1).max(100).default(10).describe('The most hits to return.'),
  })
  .meta({ id: 'SearchRequest' });
export type SearchRequest = z.input<typeof searchRequestSchema>;

const searchHitSchema = z.object({
  chunk_id: chunkId,
  document_id: documentId,
  collection_id: collectionId,
  external_id: storedExternalId,
  version,
  filename,
  document_status: documentStatus.describe('A "partial" document lacks pages or chunks.'),
  text: chunkText,
  score: z.number().meta({
    description: 'The cosine similarity of query and chunk, from -1 to 1. Higher is closer.',
    examples: [0.82],
  }),
  page_start: pageStart,
  page_end: pageEnd,
  section,
  coordinates: z.array(boxSchema).describe('Where the text is: one rectangle for each block and page.'),
});

export const searchResponseSchema = z
  .object({
    query: z.string().describe('The text that was searched for.'),
    hits: z.array(searchHitSchema).describe('The nearest chunks, nearest first.'),
  })
  .meta({ id: 'SearchResponse' });
export type SearchResponse = z.infer<typeof searchResponseSchema>;
