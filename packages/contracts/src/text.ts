import { hash } from 'node:crypto';

/**
 * Makes text safe to store. Removes NUL, which a text in PostgreSQL cannot hold. Replaces a lone surrogate, which is not
 * valid UTF-8, by U+FFFD.
 */
export function cleanText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '') : wellFormed;
}

/** Ends a message of another program with a full stop, unless it is empty or already ends with a punctuation mark. */
export function asSentence(message: string): string {
  return message === '' || /[.!?…]$/.test(message) ? message : `${message}.`;
}

/** White space other than a single space. Single spaces are the most frequent, and each match costs time. */
const unfoldedSpace = /\s{2,}|[^\S ]/gu;

/** Returns the text that is hashed for the embedding cache: in NFC, with single spaces, without space at its ends. */
export function normalizeText(text: string): string {
  return text.normalize('NFC').replace(unfoldedSpace, ' ').trim();
}

/** Returns the SHA-256 of the text in UTF-8, as 64 lower-case hexadecimal digits. */
export function sha256Hex(text: string): string {
  return hash('sha256', text, 'hex');
}

/** Returns the key of a chunk in the embedding cache: the SHA-256 of its normalized text. */
export function contentHashOf(text: string): string {
  return sha256Hex(normalizeText(text));
}

/**
 * Returns the identity of a chunk in its document: its content hash with the number (from 0) of this occurrence of the
 * content. Two pages with the same text therefore have two rows, and a retry finds the row that exists.
 */
export function chunkHashOf(contentHash: string, occurrence: number): string {
  return sha256Hex(`${contentHash}:${occurrence}`);
}
