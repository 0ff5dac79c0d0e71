export { startEmbedder } from './embedder';
export { EmbeddingWorker, type EmbeddingWorkerOptions } from './embeddingWorker';
export { createEmbedderMetrics } from './metrics';
export { probeText } from './providerHealth';
export type { QueuedChunk } from './results';
export { storedChunks, uploadedChunks } from './target';
