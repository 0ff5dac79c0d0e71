import { MillraceError } from '@millrace/contracts';
import type { RawEmbeddingProvider } from './provider';
import { StaticEmbedder } from './staticEmbedder';
import { readStaticTable, type StaticTable, StaticTableError } from './staticTable';

/** Stored with the vectors: change it whenever the same text would get another vector. */
export const staticModel = 'millrace-static-v2';

export interface StaticProviderOptions {
  /** The file that `buildStaticTable` made. */
  tableFile: string;
  /** Unset, or `staticModel`. */
  model: string | undefined;
  dimensions: number;
  maxBatchSize: number;
}

/**
 * The provider that needs no key, network or GPU; for trying out and testing (see staticEmbedder.ts for the method).
 * @throws MillraceError SETUP_INVALID when the table is missing or damaged, or another model or other dimensions
 *   are asked for.
 */
export async function staticProvider(options: StaticProviderOptions): Promise<RawEmbeddingProvider> {
  const { model = staticModel, maxBatchSize } = options;
  if (model !== staticModel) {
    throw new MillraceError(
      'SETUP_INVALID',
      `The static embedding provider has no model ${model}: unset EMBEDDING_MODEL, or set EMBEDDING_PROVIDER.`,
    );
  }
  const embedder = new StaticEmbedder(await tableAt(options.tableFile));
  if (embedder.dimensions !== options.dimensions) {
    throw new MillraceError(
      'SETUP_INVALID',
      `The static embedding provider makes ${embedder.dimensions} dimensions: set EMBEDDING_DIMENSIONS to that.`,
    );
  }
  return {
    name: 'static',
    model,
    dimensions: embedder.dimensions,
    maxBatchSize,
    inProcess: true,
    async embedBatch(texts) {
      return texts.map((text) => embedder.embed(text));
    },
  };
}

async function tableAt(file: string): Promise<StaticTable> {
  try {
    return await readStaticTable(file);
  } catch (error) {
    if (error instanceof StaticTableError) {
      throw new MillraceError(
        'SETUP_INVALID',
        `The word vectors of the static embedding provider are not usable: ${error.message} Run "npm run services -- up" to make them.`,
        { cause: error },
      );
    }
    throw error;
  }
}
