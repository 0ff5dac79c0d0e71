import { Counter, Histogram, type Registry } from '@millrace/telemetry';

export type ChunkerMetrics = ReturnType<typeof createChunkerMetrics>;

/** The chunker's metrics, except those of its deliveries. */
export function createChunkerMetrics(registry: Registry) {
  return {
    pages: new Counter({
      name: 'millrace_pages_total',
      help: 'Pages read, by outcome',
      labelNames: ['outcome'],
      registers: [registry],
    }),
    parseSeconds: new Histogram({
      name: 'millrace_parse_seconds',
      help: 'Time to read and chunk one document',
      buckets: [0.05, 0.2, 1, 5, 20, 60, 300],
      registers: [registry],
    }),
  };
}
