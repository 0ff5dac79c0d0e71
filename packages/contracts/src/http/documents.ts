import { z } from 'zod';
import { boxSchema } from '../chunks';
import { idSchema } from '../ids';
import { documentRepair, documentStatus, pageOutcome } from '../statuses';
import { count, timestamp } from './common';
import { jobSchema } from './jobs';
import { problemSchema } from './problem';

export const documentSchema = z.object({
  id: idSchema,
  collection_id: idSchema,
  filename: z.string(),
  /** The title the file gives itself, or null. */
  title: z.string().nullable(),
  content_hash: z.string(),
  mime_type: z.string(),
  size_bytes: count,
  page_count: count.nullable(),
  total_chunks: count.nullable(),
  /** How a broken file was made readable; null for one that is not broken, or not read yet. */
  repair: documentRepair.nullable(),
  metadata: z.record(z.string(), z.unknown()),
  status: documentStatus,
  error: problemSchema.nullable(),
  /** The newest job that ingests the document. */
  job_id: idSchema,
  created_at: timestamp,
  updated_at: timestamp,
  links: z.record(z.string(), z.string()),
});
export type DocumentView = z.infer<typeof documentSchema>;

/** What a document lacks: that job's chunks that are failed or cancelled, and its pages that could not be read. */
export const missingSchema = z.object({
  chunk_count: count,
  page_count: count,
  /** True when there may be more pages, which nothing names: the list of pages of a broken PDF was lost. */
  pages_lost: z.boolean(),
  /** The first hundred of each, in reading order. */
  chunks: z.array(
    z.object({
      id: idSchema,
      chunk_index: count,
      page_start: z.int(),
      page_end: z.int(),
      error_code: z.string().nullable(),
    }),
  ),
  pages: z.array(z.object({ page: z.int(), error_code: z.string().nullable() })),
});

/** One document, with what it lacks: null while nothing is known to be missing. */
export const documentDetailSchema = documentSchema.extend({ missing: missingSchema.nullable() });
export type DocumentDetail = z.infer<typeof documentDetailSchema>;

/** 202 for a new document, 200 for one the collection already holds. */
export const uploadResponseSchema = z.object({
  duplicate: z.boolean(),
  document: documentSchema,
  job: jobSchema,
  links: z.record(z.string(), z.string()),
});
export type UploadResponse = z.infer<typeof uploadResponseSchema>;

export const documentChunkSchema = z.object({
  id: idSchema,
  chunk_index: count,
  text: z.string(),
  token_count: count,
  page_start: z.int(),
  page_end: z.int(),
  section: z.string().nullable(),
  coordinates: z.array(boxSchema),
  content_hash: z.string(),
  chunk_hash: z.string(),
  embedding_model: z.string().nullable(),
});
export type DocumentChunkView = z.infer<typeof documentChunkSchema>;

export const documentChunksResponseSchema = z.object({
  document_id: idSchema,
  chunks: z.array(documentChunkSchema),
  next_cursor: z.string().nullable(),
});
export type DocumentChunksResponse = z.infer<typeof documentChunksResponseSchema>;

export const documentPageSchema = z.object({
  page: z.int().min(1),
  /** What the document itself calls the page, such as iv or A-3. */
  label: z.string().nullable(),
  /** Points (1/72 inch), as the page is shown. */
  width: z.number(),
  height: z.number(),
  outcome: pageOutcome,
  characters: count,
  error_code: z.string().nullable(),
});
export type DocumentPageView = z.infer<typeof documentPageSchema>;

export const documentPagesResponseSchema = z.object({
  document_id: idSchema,
  pages: z.array(documentPageSchema),
  next_cursor: z.string().nullable(),
});
export type DocumentPagesResponse = z.infer<typeof documentPagesResponseSchema>;
