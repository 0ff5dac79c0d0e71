export { checkedProvider } from './checkedProvider';
export * from './createProvider';
export * from './microBatcher';
export * from './provider';
export { EmbeddingProviders, type EmbeddingProvidersConfig } from './providers';
export { staticModel } from './staticProvider';
export * from './staticTableBuilder';
