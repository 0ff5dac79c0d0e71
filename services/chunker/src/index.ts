export { startChunker } from './chunker';
export { IngestHandler, type IngestOptions } from './ingest';
export { createChunkerMetrics } from './metrics';
