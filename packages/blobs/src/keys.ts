/** The key of a document's original. One blob per document, so deleting one document never takes another's file. */
export function originalKey(documentId: string): string {
  // The last digits of a UUIDv7 are random, its first are the time: they spread documents over 256 directories.
  return `originals/${documentId.slice(-2)}/${documentId}`;
}

/** One of the 256 folders that originals lie in, by its number. */
export function originalsFolder(number: number): string {
  return `originals/${number.toString(16).padStart(2, '0')}`;
}
