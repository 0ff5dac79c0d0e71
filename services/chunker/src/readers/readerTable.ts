import { pdfReader } from './pdfReader';
import type { Reader } from './reader';
import { textReader } from './textReader';

/** Every reader. A new file type is a reader, its row here, and its row in `mediaTypes` of the contracts package. */
export const readers: readonly Reader[] = [pdfReader, textReader];

const byType = new Map(readers.flatMap((reader) => reader.mediaTypes.map((type) => [type as string, reader] as const)));

/**
 * The reader of a media type, with or without parameters.
 * @throws Error when there is none: the API accepts no other types.
 */
export function readerOf(mimeType: string): Reader {
  const [essence = ''] = mimeType.split(';');
  const reader = byType.get(essence);
  if (reader === undefined) {
    throw new Error(`No reader reads ${essence}.`);
  }
  return reader;
}
