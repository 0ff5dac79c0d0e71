import type { Config } from '@millrace/config';
import {
  chunkStrategySchema,
  idSchema,
  MillraceError,
  metadataSchema,
  ocrMode,
  type ReadingOptions,
} from '@millrace/contracts';
import { defaultCollectionId } from '@millrace/database';
import { z } from 'zod';

/** A whole number in a form or a query, where everything is text. */
function wholeNumber(min: number, max: number) {
  return z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.int().min(min).max(max));
}

/** JSON in a form or a query. */
const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
});

/** What an upload may say besides the file, as fields of the form or in the query. */
export const uploadFields = z.object({
  collection_id: idSchema.default(defaultCollectionId),
  /** Kept with the document, for searches to filter by: a JSON object. */
  metadata: json.pipe(metadataSchema).optional(),
  /** Retry rounds of the job, instead of JOB_MAX_RETRIES. */
  max_retries: wholeNumber(0, 100).optional(),
  /** Attempts for each of its chunks, instead of CHUNK_MAX_RETRIES. */
  chunk_max_retries: wholeNumber(1, 100).optional(),
  /** What chunks follow, instead of CHUNK_STRATEGY. */
  chunk_strategy: chunkStrategySchema.optional(),
  /** Tokens (cl100k_base) in a chunk at most, its overlap included, instead of CHUNK_MAX_TOKENS. */
  chunk_max_tokens: wholeNumber(16, 8_000).optional(),
  /** Tokens a chunk repeats of the one before, at most half of the above, instead of CHUNK_OVERLAP_TOKENS. */
  chunk_overlap_tokens: wholeNumber(0, 4_000).optional(),
  /** Which pages are read by OCR, instead of OCR_MODE: off, on (all without text that are not blank) or auto. */
  ocr: ocrMode.optional(),
});
export type UploadFields = z.infer<typeof uploadFields>;

/**
 * How the upload is to be read: what it says itself, else what is configured.
 * @throws MillraceError REQUEST_INVALID when the two do not go together.
 */
export function readingOptionsOf(fields: UploadFields, config: Config): ReadingOptions {
  const maxTokens = fields.chunk_max_tokens ?? config.CHUNK_MAX_TOKENS;
  const overlapTokens = fields.chunk_overlap_tokens ?? Math.min(config.CHUNK_OVERLAP_TOKENS, Math.floor(maxTokens / 2));
  if (overlapTokens * 2 > maxTokens) {
    const message = `must be at most half of the ${maxTokens} tokens of a chunk`;
    throw new MillraceError('REQUEST_INVALID', `chunk_overlap_tokens: ${message}`, {
      extra: { errors: [{ path: 'chunk_overlap_tokens', message }] },
    });
  }
  return {
    strategy: fields.chunk_strategy ?? config.CHUNK_STRATEGY,
    maxTokens,
    overlapTokens,
    ocr: fields.ocr ?? config.OCR_MODE,
  };
}
