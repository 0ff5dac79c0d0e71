import { z } from 'zod';

/**
 * How text is divided into chunks. `structure` follows sections and keeps paragraphs, lists and table rows whole. `fixed`
 * makes each chunk as full as possible. `page` begins a new chunk with each page.
 */
export const chunkStrategySchema = z.enum(['structure', 'fixed', 'page']);
export type ChunkStrategy = z.infer<typeof chunkStrategySchema>;

/**
 * Which pages are read by OCR. `off`: none. `auto`: those with little text and visibly more ink. `on`: all with little text
 * that are not blank.
 */
export const ocrMode = z.enum(['off', 'on', 'auto']);
export type OcrMode = z.infer<typeof ocrMode>;

/**
 * How a job reads its document. The options are set when the document is accepted, and are kept with the job. Every attempt
 * therefore makes the same chunks, even after the configuration has changed.
 */
const readingOptionsSchema = z
  .strictObject({
    strategy: chunkStrategySchema,
    /** The most tokens (cl100k_base) of a chunk, its overlap included. */
    maxTokens: z.int().min(16).max(8_000),
    /** The most tokens that a chunk repeats from the end of the chunk before. */
    overlapTokens: z.int().min(0).max(4_000),
    ocr: ocrMode,
  })
  .refine(({ maxTokens, overlapTokens }) => overlapTokens * 2 <= maxTokens, {
    path: ['overlapTokens'],
    message: 'must be at most half of maxTokens',
  });
export type ReadingOptions = z.infer<typeof readingOptionsSchema>;
