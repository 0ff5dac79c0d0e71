import { z } from 'zod';
import { externalIdSchema, idSchema } from '../ids';

/** A date as JSON writes it. */
export const timestamp = z.iso.datetime().meta({ examples: ['2026-11-27T09:30:00.000Z'] });
export const createdAt = timestamp.describe('When the row was made.');
export const updatedAt = timestamp.describe('When the row was last changed.');

export const count = z.int().min(0);

export const documentId = idSchema.meta({ description: "The document's id." });
export const jobId = idSchema.meta({ description: "The job's id." });
export const chunkId = idSchema.describe("The chunk's id.");
export const collectionId = idSchema.meta({ description: "The collection's id." });

/** The external id of a document in a request. */
export const externalId = externalIdSchema.meta({ examples: ['handbook/travel-expenses'] });
export const storedExternalId = z
  .string()
  .nullable()
  .meta({
    description: "The uploader's own name for the document, which its versions share; null if it has none.",
    examples: ['handbook/travel-expenses'],
  });
export const version = z
  .int()
  .min(1)
  .describe(
    'The order of the versions of an external id. A version that is brought back gets the next number. ' +
      '1 for a document without an external id.',
  );

export const pageNumber = z.int().min(1).describe('The page, from 1.');
export const pageStart = pageNumber.describe('The first page that the text is on, from 1.');
export const pageEnd = pageNumber.describe('The last page that the text is on.');
export const chunkIndex = count.describe('The position of the chunk in the document, from 0.');
export const chunkText = z.string().describe('The text of the chunk.');
export const contentHash = z.string().describe('The SHA-256 of the normalized text, in hexadecimal.');
export const chunkHash = z.string().describe('The identity of the chunk in its document.');
export const filename = z.string().meta({ description: 'The name of the file.', examples: ['annual-report.pdf'] });
export const section = z
  .string()
  .nullable()
  .meta({ description: 'The headings above the text, or null.', examples: ['Item 7 > Liquidity'] });

export const links = z
  .record(z.string(), z.string())
  .meta({ description: 'Addresses of related resources, by name, without the host.' });

export const nextCursor = z
  .string()
  .nullable()
  .describe('Send it as "cursor" to get the next page of the list; null on the last page.');

export const pageQuerySchema = z.object({
  limit: z.coerce.number<string>().int().min(1).max(500).default(100).describe('The most items to return.'),
  cursor: z
    .string()
    .max(200)
    .optional()
    .describe('The next_cursor of the page before. Leave it out for the first page.'),
});

/** Values of a query: one name several times, or one value with commas. */
export function listOf<Item extends z.ZodType>(item: Item) {
  const split = (given: unknown) =>
    given === undefined
      ? undefined
      : [given].flat().flatMap((text) => (typeof text === 'string' ? text.split(',') : text));
  return z.preprocess(split, z.array(item).min(1).max(100).optional());
}

/** A time that a request names. A date means its first moment in UTC. */
export const moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'must be a date, such as 2026-11-27, or a date with a time and its zone, such as 2026-11-27T09:30:00Z',
  })
  .refine((text) => Date.parse(text) >= 0, 'must not be before 1970')
  .meta({ examples: ['2026-11-27', '2026-11-27T09:30:00+01:00'] });

/** A text that a request looks for in file names. */
export const filenameFilter = z
  .string()
  .max(255)
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not hold NUL characters or broken Unicode')
  .refine((text) => /[^\s!-/:-@[-`{-~]/.test(text), 'must hold a letter or a digit')
  .meta({
    description:
      'Only file names with these words. A word may be only the beginning of one in the name, case does not matter, and ' +
      'spaces and punctuation separate words: "rep 2025" finds "Annual-Report_2025.pdf".',
    examples: ['annual report'],
  });

export const actor = z.string().meta({
  description: 'Who asked for it: the kind of the actor, and its id if it has one.',
  examples: ['api-key:0192f0c1-2b3c-7d4e-8f50-123456789abc', 'cli:ada', 'reconciler'],
});
export const actorFilter = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\0]+$/, 'must not hold NUL characters')
  .describe('Only what this actor asked for, such as cli:ada.');

export const errorCode = z
  .string()
  .max(100)
  .regex(/^[A-Z0-9_]+$/, 'must be an error code, such as EMBEDDING_TIMEOUT')
  .meta({ description: 'An error code.', examples: ['EMBEDDING_TIMEOUT'] });
export const errorMessage = z.string().nullable().describe('What went wrong, or null without an error.');
export const errorCodes = z.array(errorCode).min(1).max(100);

/** An error code as a row holds it. */
export const storedErrorCode = z
  .string()
  .nullable()
  .meta({ description: 'The error code, or null without an error.', examples: ['EMBEDDING_TIMEOUT'] });

export const groupId = idSchema
  .nullable()
  .describe('The id of the retry group; follow it at links.self. It is null when nothing was retried.');
