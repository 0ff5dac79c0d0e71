export { type BatchOptions, BatchProcessor, type QueuedChunk } from './batch';
export { startEmbedder } from './embedder';
export { createEmbedderMetrics } from './metrics';
export { probeText } from './providerHealth';
