import { z } from 'zod';

/**
 * What chunks follow: `structure` keeps to sections and keeps paragraphs, lists and rows whole; `fixed` fills each chunk
 * up; `page` begins a new chunk with each page.
 */
export const chunkStrategySchema = z.enum(['structure', 'fixed', 'page']);
export type ChunkStrategy = z.infer<typeof chunkStrategySchema>;

/**
 * Which pages are read by OCR: none; those with little text and visibly more ink (`auto`); all with little text that
 * are not blank (`on`).
 */
export const ocrMode = z.enum(['off', 'on', 'auto']);
export type OcrMode = z.infer<typeof ocrMode>;

/**
 * How a job reads its document. Decided when the document is accepted and kept with the job, so that every attempt
 * gives the same chunks whatever the configuration says by then.
 */
export const readingOptionsSchema = z
  .strictObject({
    strategy: chunkStrategySchema,
    /** No chunk has more tokens (cl100k_base), its overlap included. */
    maxTokens: z.int().min(16).max(8_000),
    /** How many tokens a chunk may repeat from the end of the one before. */
    overlapTokens: z.int().min(0).max(4_000),
    /** Which pages' images are read. */
    ocr: ocrMode,
  })
  .refine(({ maxTokens, overlapTokens }) => overlapTokens * 2 <= maxTokens, {
    path: ['overlapTokens'],
    message: 'must be at most half of maxTokens',
  });
export type ReadingOptions = z.infer<typeof readingOptionsSchema>;
