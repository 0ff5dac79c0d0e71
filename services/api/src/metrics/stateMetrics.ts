import type { WorkloadCounts } from '@millrace/database';
import type { QueueDepths } from '@millrace/queues';
import { Counter, Gauge, type Logger, type Registry } from '@millrace/telemetry';
import { cachedReading } from './cachedReading';

/** How old the figures may be. Within this time any number of scrapes costs one reading. */
const maxAgeMs = 15_000;
const timeoutMs = 5_000;

export interface StateSources {
  countWork: () => Promise<WorkloadCounts>;
  measureQueues: () => Promise<QueueDepths>;
  logger: Logger;
}

/**
 * Adds gauges of what the database and Redis hold. Every API process has the same figures. While a source is unreachable,
 * its gauges have no values, and the other metrics are answered.
 */
export function addStateMetrics(registry: Registry, { countWork, measureQueues, logger }: StateSources): void {
  const registers = [registry];
  const failures = new Counter({
    name: 'millrace_state_failures_total',
    help: 'Readings of the database or of Redis for metrics that failed, by source',
    labelNames: ['source'],
    registers,
  });
  const onFailure = (source: string) => (error: unknown) => {
    failures.inc({ source });
    logger.warn({ err: error, source }, 'the state could not be read for the metrics');
  };
  const work = cachedReading({ read: countWork, maxAgeMs, timeoutMs, onFailure: onFailure('database') });
  const queues = cachedReading({ read: measureQueues, maxAgeMs, timeoutMs, onFailure: onFailure('redis') });

  const addGauge = (name: string, help: string, labelNames: string[], read: () => Promise<Sample[]>) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        const samples = await read();
        this.reset();
        for (const { labels, value } of samples) {
          this.set(labels, value);
        }
      },
    });
  const byStatus = (name: string, help: string, pick: (counts: WorkloadCounts) => Record<string, number>) =>
    addGauge(name, help, ['status'], async () => {
      const counts = await work();
      return Object.entries(counts ? pick(counts) : {}).map(([status, value]) => ({ labels: { status }, value }));
    });

  byStatus('millrace_documents', 'Documents by status; beyond 10,000 the ready ones are estimated', (counts) => {
    return { ...zeros('queued', 'processing', 'partial', 'failed', 'cancelled'), ...counts.documents };
  });
  byStatus('millrace_jobs', 'Jobs by status, without the completed ones', (counts) => {
    const ends = zeros('completed_with_errors', 'failed', 'cancelled');
    return { ...zeros('queued', 'chunking', 'processing', 'retrying'), ...ends, ...counts.jobs };
  });
  byStatus(
    'millrace_chunks',
    'Job chunks that wait, are processed, have failed or were cancelled, and chunks that are stored; beyond 10,000 the stored ones are estimated',
    ({ chunks }) => ({ ...chunks }),
  );
  addGauge('millrace_queue_deliveries', 'Deliveries in Redis, by queue and state', ['queue', 'state'], async () =>
    Object.entries((await queues()) ?? {}).flatMap(([queue, depths]) =>
      Object.entries(depths).map(([state, value]) => ({ labels: { queue, state }, value })),
    ),
  );
  addGauge(
    'millrace_queue_oldest_seconds',
    'How long the oldest row of a queue has waited for a worker; 0 when none waits',
    ['queue'],
    async () => {
      const counts = await work();
      const ages = counts && { ...zeros('documents', 'chunks', 'reembed-chunks'), ...counts.oldestSeconds };
      return Object.entries(ages ?? {}).map(([queue, value]) => ({ labels: { queue }, value }));
    },
  );
}

interface Sample {
  labels: Record<string, string>;
  value: number;
}

function zeros(...names: string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, 0]));
}
