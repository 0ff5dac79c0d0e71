import type { Config } from '@millrace/config';
import {
  chunkStrategySchema,
  externalIdSchema,
  idSchema,
  MillraceError,
  metadataSchema,
  ocrMode,
  type ReadingOptions,
} from '@millrace/contracts';
import { z } from 'zod';
import { idempotencyKey } from '../http/answerOnce';

/** A whole number as a form or a query writes it. */
function wholeNumber(min: number, max: number) {
  return z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.int().min(min).max(max));
}

/** JSON as a form or a query writes it. */
const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
});

/** The options of an upload: fields of the form, or parameters of the query. */
export const uploadFields = z.object({
  collection_id: idSchema
    .optional()
    .describe('The collection to add the document to. The default collection if left out.'),
  external_id: externalIdSchema.optional().meta({
    description:
      'Your own name for the document, unique in its collection: 1 to 512 characters without control characters. Another ' +
      'file with the same name becomes a new version, which takes the place of the current one once it is ready or partial.',
    examples: ['handbook/travel-expenses'],
  }),
  metadata: json
    .pipe(metadataSchema)
    .optional()
    .meta({
      description: 'A JSON object to keep with the document. Searches can filter by it.',
      examples: [{ author: 'Ada', year: 2026 }],
    }),
  max_retries: wholeNumber(0, 100).optional().describe('Retry rounds of the job, instead of JOB_MAX_RETRIES.'),
  chunk_max_retries: wholeNumber(1, 100).optional().describe('Attempts for each chunk, instead of CHUNK_MAX_RETRIES.'),
  chunk_strategy: chunkStrategySchema.optional().describe('How the text is divided, instead of CHUNK_STRATEGY.'),
  chunk_max_tokens: wholeNumber(16, 8_000)
    .optional()
    .describe('The most tokens (cl100k_base) in a chunk, its overlap included, instead of CHUNK_MAX_TOKENS.'),
  chunk_overlap_tokens: wholeNumber(0, 4_000)
    .optional()
    .describe(
      'Tokens that a chunk repeats from the end of the chunk before, instead of CHUNK_OVERLAP_TOKENS. ' +
        'At most half of chunk_max_tokens.',
    ),
  ocr: ocrMode
    .optional()
    .describe(
      'Which pages OCR reads, instead of OCR_MODE. off: none. auto: pages with little text and visible ink. ' +
        'on: all pages with little text that are not blank.',
    ),
});
export type UploadFields = z.infer<typeof uploadFields>;

export const uploadForm = uploadFields.extend({
  password: z.string().optional().meta({ format: 'password', description: 'Opens an encrypted PDF. It is not kept.' }),
});

export const uploadQuery = uploadFields.extend({
  filename: z.string().optional().describe('The name of a raw body.'),
  // Declared only to refuse it. The OpenAPI document leaves it out.
  password: z
    .never('must not be in the address, which gets logged. Use a form field, or the header X-Document-Password')
    .optional(),
});

export const uploadHeaders = z.object({
  'X-Document-Password': z.string().optional().describe('Opens an encrypted PDF, as the form field does.'),
  'Content-Disposition': z
    .string()
    .optional()
    .meta({
      description: 'The name of a raw body, if the query has none.',
      examples: ['attachment; filename="report.pdf"'],
    }),
  'Idempotency-Key': idempotencyKey.optional(),
});

/**
 * Gives the reading options of an upload. Options that it leaves out are as configured.
 * @throws MillraceError REQUEST_INVALID when the options contradict each other or the configuration.
 */
export function readingOptionsOf(fields: UploadFields, config: Config): ReadingOptions {
  const maxTokens = fields.chunk_max_tokens ?? config.CHUNK_MAX_TOKENS;
  const overlapTokens = fields.chunk_overlap_tokens ?? Math.min(config.CHUNK_OVERLAP_TOKENS, Math.floor(maxTokens / 2));
  if (overlapTokens * 2 > maxTokens) {
    const message = `must be at most half of the ${maxTokens} tokens of a chunk`;
    throw new MillraceError('REQUEST_INVALID', `chunk_overlap_tokens: ${message}.`, {
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
