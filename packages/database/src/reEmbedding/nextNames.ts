import { escapeIdentifier } from 'pg';
import type { Slot } from '../signature/slots';

/** The slot of the signatures in document_chunks_next. */
export const nextSlot: Slot = 'a';

/** The suffix of constraints and indexes of document_chunks_next, until that table replaces document_chunks. */
export const suffix = '_next';

/** Returns the SQL identifier with the suffix. */
export function nextName(name: string): string {
  return escapeIdentifier(`${name}${suffix}`);
}

/** Returns the SQL identifier without the suffix. */
export function finalName(name: string): string {
  return escapeIdentifier(name.slice(0, -suffix.length));
}
