import type { ProviderModule } from '../providerModule';
import { openai } from './openai';
import { staticVectors } from './static';

/** The providers that EMBEDDING_PROVIDER can name. The first is the default. */
export const providerModules: readonly ProviderModule[] = [staticVectors, openai];
