import { join } from 'node:path';
import { checkedProvider } from './checkedProvider';
import { openaiProvider } from './openaiProvider';
import type { EmbeddingProvider, EmbeddingProviderName } from './provider';
import { staticProvider } from './staticProvider';

/** The part of the configuration that says where the static provider's table lies. */
export interface StaticTableConfig {
  STATE_DIR: string;
  STATIC_EMBEDDING_FILE?: string | undefined;
}

/** The part of the configuration that chooses and sets up an embedding provider. */
export interface EmbeddingProviderConfig extends StaticTableConfig {
  EMBEDDING_PROVIDER: EmbeddingProviderName;
  /** Unset: the provider's own default. */
  EMBEDDING_MODEL?: string | undefined;
  EMBEDDING_DIMENSIONS: number;
  /** The most texts in one request. */
  EMBEDDING_BATCH_SIZE: number;
  /** Milliseconds until a request counts as failed. */
  EMBEDDING_TIMEOUT_MS: number;
  /** May stay unset for a local endpoint that asks for no key. */
  OPENAI_API_KEY?: string | undefined;
  OPENAI_BASE_URL?: string | undefined;
}

/** The file of the static provider's word vectors, as `buildStaticTable` writes and the provider reads it. */
export function staticTableFile(config: StaticTableConfig): string {
  return config.STATIC_EMBEDDING_FILE ?? join(config.STATE_DIR, 'static-embedding.bin');
}

/**
 * Makes the configured provider ready for use. The openai provider is not contacted before the first text.
 * @throws MillraceError SETUP_INVALID when the static provider's table is missing or damaged, or when it is asked for
 *   a model or dimensions it does not have.
 */
export async function createEmbeddingProvider(config: EmbeddingProviderConfig): Promise<EmbeddingProvider> {
  switch (config.EMBEDDING_PROVIDER) {
    case 'static':
      return checkedProvider(
        await staticProvider({
          tableFile: staticTableFile(config),
          model: config.EMBEDDING_MODEL,
          dimensions: config.EMBEDDING_DIMENSIONS,
          maxBatchSize: config.EMBEDDING_BATCH_SIZE,
        }),
      );
    case 'openai':
      return checkedProvider(
        openaiProvider({
          apiKey: config.OPENAI_API_KEY,
          baseUrl: config.OPENAI_BASE_URL,
          model: config.EMBEDDING_MODEL,
          dimensions: config.EMBEDDING_DIMENSIONS,
          maxBatchSize: config.EMBEDDING_BATCH_SIZE,
          timeoutMs: config.EMBEDDING_TIMEOUT_MS,
        }),
      );
  }
}
