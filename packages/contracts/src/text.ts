import { createHash } from 'node:crypto';

/**
 * Makes text safe to store: PostgreSQL's text cannot hold NUL, and a lone surrogate is not valid UTF-8.
 * NUL is dropped, a lone surrogate becomes U+FFFD.
 */
export function cleanText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '') : wellFormed;
}

/** White space that is not a single space: most of a text's is, and each match costs more than looking. */
const unfoldedSpace = /\s{2,}|[^\S ]/gu;

/** Text as it is hashed for the embedding cache: NFC, white space folded, ends trimmed. */
export function normalizeText(text: string): string {
  return text.normalize('NFC').replace(unfoldedSpace, ' ').trim();
}

/** SHA-256 of UTF-8 text, 64 lower-case hexadecimal digits. */
export function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** The embedding cache key of a chunk: SHA-256 of its normalized text. */
export function contentHashOf(text: string): string {
  return sha256Hex(normalizeText(text));
}

/**
 * A chunk's identity within its document: its content hash and which occurrence (from 0) of that content it is,
 * so that a page repeated twice keeps two rows and a retry keeps one.
 */
export function chunkHashOf(contentHash: string, occurrence: number): string {
  return sha256Hex(`${contentHash}:${occurrence}`);
}
