export { checkedProvider } from './checkedProvider';
export { contextOf, mostTokensOf } from './chunkContext';
export * from './createProvider';
export { EmbeddingProviders, type EmbeddingProvidersConfig } from './embeddingProviders';
export * from './microBatcher';
export * from './provider';
export type { ProviderConfig, ProviderModule, VariableProblem } from './providerModule';
export { providerModules } from './providers/list';
