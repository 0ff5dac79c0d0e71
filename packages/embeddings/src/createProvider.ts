import { MillraceError, modelOf } from '@millrace/contracts';
import { checkedProvider } from './checkedProvider';
import type { EmbeddingProvider } from './provider';
import type { ProviderConfig, ProviderModule } from './providerModule';
import { providerModules } from './providers/list';

/** Returns the module of a provider. @throws Error when no provider has that name. */
export function findProviderModule(name: string): ProviderModule {
  const found = providerModules.find((module) => module.name === name);
  if (found === undefined) {
    throw new Error(`There is no embedding provider ${name}.`);
  }
  return found;
}

/**
 * Makes the configured provider ready for use. Does not contact a remote provider.
 * @throws MillraceError SETUP_INVALID when the provider does not have the model, or something it needs is missing.
 */
export async function createEmbeddingProvider(config: ProviderConfig): Promise<EmbeddingProvider> {
  const module = findProviderModule(config.provider);
  const [problem] = module.checkModel?.(config) ?? [];
  if (problem !== undefined) {
    throw new MillraceError('SETUP_INVALID', `${problem.variable} ${problem.message}.`);
  }
  const { maxTokens, batchSize } = config;
  const { name, inProcess } = module;
  const traits = { ...modelOf(config), name, maxTokens, maxBatchSize: batchSize, inProcess };
  return checkedProvider(traits, await module.create(config));
}
