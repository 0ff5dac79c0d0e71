import { idSchema } from '@millrace/contracts';
import { defaultCollectionId } from '@millrace/database';
import { z } from 'zod';

/** A whole number in a form or a query, where everything is text. */
function wholeNumber(min: number, max: number) {
  return z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.int().min(min).max(max));
}

/** What an upload may say besides the file, as fields of the form or in the query. */
export const uploadFields = z.object({
  collection_id: idSchema.default(defaultCollectionId),
  /** Retry rounds of the job, instead of JOB_MAX_RETRIES. */
  max_retries: wholeNumber(0, 100).optional(),
  /** Attempts for each of its chunks, instead of CHUNK_MAX_RETRIES. */
  chunk_max_retries: wholeNumber(1, 100).optional(),
});
export type UploadFields = z.infer<typeof uploadFields>;
