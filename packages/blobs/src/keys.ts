/** Returns the key of a document's original. Each document has its own, so deleting one never removes another's file. */
export function originalKey(documentId: string): string {
  // The last digits of a UUIDv7 are random, so documents are spread over 256 folders. The first digits are the time.
  return `originals/${documentId.slice(-2)}/${documentId}`;
}

/** Returns the name of one of the 256 folders of originals, by its number. */
export function originalsFolder(number: number): string {
  return `originals/${number.toString(16).padStart(2, '0')}`;
}
