import { escapeIdentifier } from 'pg';

/** What the names of constraints and indexes of document_chunks_next end with until it takes its place. */
export const suffix = '_next';

/** SQL: the name until then. */
export function nextName(name: string): string {
  return escapeIdentifier(`${name}${suffix}`);
}

/** SQL: the name from then on. */
export function lastingName(name: string): string {
  return escapeIdentifier(name.slice(0, -suffix.length));
}
