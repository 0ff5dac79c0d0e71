export { type BatchOptions, BatchProcessor } from './batch';
export { startEmbedder } from './embedder';
export { createEmbedderMetrics } from './metrics';
export { probeText } from './providerHealth';
