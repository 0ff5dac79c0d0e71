import { Counter, Histogram, type Registry } from '@millrace/telemetry';

export type EmbedderMetrics = ReturnType<typeof createEmbedderMetrics>;

/** Creates the embedder's metrics. The metrics of its deliveries are made elsewhere. */
export function createEmbedderMetrics(registry: Registry) {
  const registers = [registry];
  return {
    embedded: new Counter({
      name: 'millrace_texts_embedded_total',
      help: 'Texts the embedding provider was asked for',
      registers,
    }),
    cacheHits: new Counter({
      name: 'millrace_embedding_cache_hits_total',
      help: 'Chunks whose text had been embedded before',
      registers,
    }),
    divided: new Counter({
      name: 'millrace_batches_divided_total',
      help: 'Batches that failed though the provider works, and were divided until the poisoned text was alone',
      registers,
    }),
    pauses: new Counter({
      name: 'millrace_provider_pauses_total',
      help: 'Times all work waited for the embedding provider, by error code',
      labelNames: ['code'],
      registers,
    }),
    providerSeconds: new Histogram({
      name: 'millrace_embedding_call_seconds',
      help: 'Time of one call to the embedding provider',
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    }),
    settleSeconds: new Histogram({
      name: 'millrace_settle_seconds',
      help: 'Time of one settling transaction',
      buckets: [0.005, 0.02, 0.05, 0.1, 0.5, 2, 10],
      registers,
    }),
  };
}
