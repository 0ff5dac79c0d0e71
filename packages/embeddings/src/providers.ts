import { createEmbeddingProvider, type EmbeddingProviderConfig } from './createProvider';
import type { EmbeddingProvider } from './provider';

/** Of which model vectors are. */
interface Setup {
  model: string;
  dimensions: number;
}

/** The configured provider, and the one that is to take its place where one is configured as well. */
export interface EmbeddingProvidersConfig extends EmbeddingProviderConfig {
  nextEmbedding: Partial<EmbeddingProviderConfig> | null;
}

/** All providers that are configured; which one is asked depends on what the database's vectors are of. */
export class EmbeddingProviders {
  constructor(
    /** At least one, the present one first. */
    private readonly providers: readonly EmbeddingProvider[],
  ) {}

  /** Makes them ready for use. @throws as createEmbeddingProvider */
  static async create(config: EmbeddingProvidersConfig): Promise<EmbeddingProviders> {
    const providers = [await createEmbeddingProvider(config)];
    if (config.nextEmbedding !== null) {
      providers.push(await createEmbeddingProvider({ ...config, ...config.nextEmbedding }));
    }
    return new EmbeddingProviders(providers);
  }

  /** The one whose vectors can be compared with those; null when none is configured. */
  find({ model, dimensions }: Setup): EmbeddingProvider | null {
    return this.providers.find((one) => one.model === model && one.dimensions === dimensions) ?? null;
  }

  async close(): Promise<void> {
    await Promise.all(this.providers.map((provider) => provider.close?.()));
  }
}
