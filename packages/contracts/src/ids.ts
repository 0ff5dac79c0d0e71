import { v7 } from 'uuid';
import { z } from 'zod';

/** A new UUIDv7 (RFC 9562): time-ordered, so that primary keys are inserted at the end of their index. */
export function newId(): string {
  return v7();
}

export const idSchema = z.uuid();
