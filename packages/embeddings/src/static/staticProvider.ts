import { MillraceError } from '@millrace/contracts';
import type { RawEmbeddingProvider } from '../provider';
import { StaticEmbedder } from './staticEmbedder';
import { readStaticTable, type StaticTable, StaticTableError } from './staticTable';

/**
 * Reads the table of word vectors and returns the provider (see staticEmbedder.ts for the method).
 * @throws MillraceError SETUP_INVALID when the table is missing or damaged, or does not make vectors of `dimensions`.
 */
export async function staticProvider(tableFile: string, dimensions: number): Promise<RawEmbeddingProvider> {
  const embedder = new StaticEmbedder(await readTable(tableFile));
  if (embedder.dimensions !== dimensions) {
    throw new MillraceError(
      'SETUP_INVALID',
      `${tableFile} is not the table of the static provider: it makes vectors of ${embedder.dimensions} dimensions instead of ${dimensions}.`,
    );
  }
  return {
    async embedBatch(texts) {
      return texts.map((text) => embedder.embed(text));
    },
  };
}

async function readTable(file: string): Promise<StaticTable> {
  try {
    return await readStaticTable(file);
  } catch (error) {
    if (error instanceof StaticTableError) {
      throw new MillraceError(
        'SETUP_INVALID',
        `The word vectors of the static provider are not usable: ${error.message} Run "npm run services -- up" to make them.`,
        { cause: error },
      );
    }
    throw error;
  }
}
