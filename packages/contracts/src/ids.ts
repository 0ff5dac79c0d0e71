import { v7 } from 'uuid';
import { z } from 'zod';

/** Returns a new UUIDv7 (RFC 9562). It begins with the time, so new primary keys go to the end of their index. */
export function newId(): string {
  return v7();
}

export const idSchema = z.uuid();

/** True for the text of an id. Any other text names no row. */
export function isId(text: string): boolean {
  return idSchema.safeParse(text).success;
}

/** The uploader's own name for a document, unique in its collection. */
export const externalIdSchema = z
  .string()
  .min(1)
  .refine((text) => [...text].length <= 512, 'must have at most 512 characters')
  .refine((text) => !/\p{Cc}/u.test(text) && text.isWellFormed(), 'must not hold control characters or broken Unicode');
