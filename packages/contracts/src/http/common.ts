import { z } from 'zod';

/** As JSON writes a date. */
export const timestamp = z.iso.datetime();
export const count = z.int().min(0);

export const pageQuerySchema = z.object({
  limit: z.coerce.number<string>().int().min(1).max(500).default(100),
  cursor: z.string().max(200).optional(),
});

export const errorCode = z
  .string()
  .max(100)
  .regex(/^[A-Z0-9_]+$/, 'must be an error code, such as EMBEDDING_TIMEOUT');
export const errorCodes = z.array(errorCode).min(1).max(100);
