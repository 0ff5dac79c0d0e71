import { type EmbeddingModel, isSameModel } from '@millrace/contracts';
import { createEmbeddingProvider } from './createProvider';
import type { EmbeddingProvider } from './provider';
import type { ProviderConfig } from './providerModule';

/** The providers of the current model and, during a re-embedding, of the next one. */
export interface EmbeddingProvidersConfig {
  embedding: ProviderConfig;
  nextEmbedding: ProviderConfig | null;
}

/** All configured providers. The database's models decide which of them is called. */
export class EmbeddingProviders {
  private constructor(private readonly providers: readonly EmbeddingProvider[]) {}

  /** Makes the providers ready for use. @throws as createEmbeddingProvider */
  static async create({ embedding, nextEmbedding }: EmbeddingProvidersConfig): Promise<EmbeddingProviders> {
    const providers = [await createEmbeddingProvider(embedding)];
    if (nextEmbedding !== null) {
      providers.push(await createEmbeddingProvider(nextEmbedding));
    }
    return new EmbeddingProviders(providers);
  }

  /** Returns the provider of a model, or null when none is configured. */
  find(model: EmbeddingModel): EmbeddingProvider | null {
    return this.providers.find((provider) => isSameModel(provider, model)) ?? null;
  }

  async close(): Promise<void> {
    await Promise.all(this.providers.map((provider) => provider.close?.()));
  }
}
