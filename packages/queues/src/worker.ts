import { setTimeout } from 'node:timers/promises';
import { type Delivery, type ErrorCode, type QueueName, queueSchemas } from '@millrace/contracts';
import { Counter, Histogram, type Logger, type Registry } from '@millrace/telemetry';
import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/** The wait before a delivery comes again whose handler threw an error. */
const redeliverAfterMs = 2_000;

/** The longest time for which a handler can postpone a delivery. */
const longestPostponementMs = 60_000;

/** The same for a delivery in a crowd. */
const longestInCrowdMs = 600_000;

/** Postponed deliveries beyond this number make those in a crowd wait longer. */
const smallCrowd = 200;

/** The result of a delivery. */
export type DeliveryResult =
  /** The work is done, or there was nothing to do. The delivery is acknowledged. */
  | { outcome: 'done' }
  /**
   * The delivery is postponed. `leased` says that `at` is the deadline of another worker's lease, `inCrowd` that many deliveries may be
   * postponed for one reason: the more are, the longer this one waits.
   */
  | { outcome: 'later'; at: Date; leased?: boolean; inCrowd?: boolean }
  /** All workers of this queue wait for `forMs`, in milliseconds. Then the delivery comes again. */
  | { outcome: 'paused'; forMs: number }
  /** The work failed, as its row says. The queue shows the delivery as failed; another attempt gets its own delivery. */
  | { outcome: 'failed'; code: ErrorCode; message: string };

export type DeliveryMetrics = ReturnType<typeof createDeliveryMetrics>;

/** Creates the metrics of a service's deliveries. All of its queue workers share them. */
export function createDeliveryMetrics(registry: Registry) {
  const labelNames = ['queue', 'outcome'] as const;
  return {
    deliveries: new Counter({
      name: 'millrace_deliveries_total',
      help: 'Queue deliveries handled, by outcome',
      labelNames,
      registers: [registry],
    }),
    seconds: new Histogram({
      name: 'millrace_delivery_seconds',
      help: 'Time a delivery was worked on',
      labelNames,
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
      registers: [registry],
    }),
  };
}

export interface QueueWorkerOptions<N extends QueueName> {
  queue: N;
  prefix: string;
  connection: Redis;
  handle: (delivery: Delivery<N>, queueJobId: string) => Promise<DeliveryResult>;
  /** The largest number of deliveries that are worked on at once. */
  concurrency: number;
  /** Told the priority of each delivery that is taken. */
  onTaken: (priority: number) => void;
  /** Makes all workers of the queue wait, for a time in milliseconds. */
  pauseQueue: (forMs: number) => Promise<void>;
  /** After this time in milliseconds a delivery comes again whose worker died. It is as long as the lease on the row. */
  lockMs: number;
  logger: Logger;
  metrics: DeliveryMetrics;
}

/**
 * A worker on one queue, with metrics and logs. BullMQ delivers each job once (attempts: 1), and again only when a worker
 * dies. Attempts and their limits are counted on the row, by the lifecycle package. A payload that does not fit the
 * queue's schema fails at once.
 */
export class QueueWorker<N extends QueueName> {
  private readonly worker: Worker;

  constructor(private readonly options: QueueWorkerOptions<N>) {
    this.worker = new Worker(options.queue, (job, token) => this.process(job, token), {
      connection: options.connection,
      prefix: options.prefix,
      concurrency: options.concurrency,
      autorun: false,
      lockDuration: options.lockMs,
      stalledInterval: Math.max(500, options.lockMs / 2),
      // This limit is never reached. But BullMQ looks only with a limit whether rateLimit() has paused the queue.
      limiter: { max: 1_000_000_000, duration: 1 },
      // The attempts on the row decide how often work may be lost, never the queue.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    // BullMQ emits "error" for lost connections and lost locks. Failed work is reported by its handler.
    this.worker.on('error', (error) => options.logger.warn({ err: error, queue: options.queue }, 'queue error'));
  }

  /** Starts to take deliveries. */
  start(): void {
    this.worker.run().catch((error: Error) => {
      this.options.logger.fatal({ err: error, queue: this.options.queue }, 'the queue worker ended');
      // A process that takes no deliveries must not look alive. It stops in order, and its supervisor starts another.
      process.kill(process.pid, 'SIGTERM');
    });
  }

  /** Takes no further delivery. Work on the deliveries that it has taken goes on. */
  async pause(): Promise<void> {
    await this.worker.pause(true);
  }

  /**
   * Waits for the deliveries that are worked on, then closes. While Redis is unreachable that never ends, so the wait ends
   * after `graceMs`. Those deliveries then come again when their locks expire.
   */
  async close(graceMs: number): Promise<void> {
    await Promise.race([this.worker.close(), setTimeout(graceMs, undefined, { ref: false })]);
  }

  private async process(job: Job, token: string | undefined): Promise<void> {
    const { queue, metrics, onTaken } = this.options;
    onTaken(job.priority);
    const stopTimer = metrics.seconds.startTimer({ queue });
    const result = await this.handle(job);
    stopTimer({ outcome: result.outcome });
    metrics.deliveries.inc({ queue, outcome: result.outcome });
    if (result.outcome === 'later') {
      const waitMs = await this.postponement(result);
      await job.moveToDelayed(Date.now() + waitMs + 50, token);
      throw new DelayedError();
    }
    if (result.outcome === 'paused') {
      await this.options.pauseQueue(result.forMs);
      throw Worker.RateLimitError();
    }
    if (result.outcome === 'failed') {
      throw new UnrecoverableError(`${result.code}: ${result.message}`);
    }
  }

  /**
   * Returns for how long a delivery is postponed. A postponed delivery keeps its priority, and so comes before all that came later. If
   * a crowd came back faster than workers can postpone it again, they would never reach the others. So as many come back in
   * a second, however large the crowd is.
   */
  private async postponement({ at, leased, inCrowd }: DeliveryResult & { outcome: 'later' }): Promise<number> {
    const wantedMs = Math.max(at.getTime() - Date.now(), 0);
    if (inCrowd) {
      const postponed = await this.options.connection.zcard(this.worker.toKey('delayed'));
      return Math.min(wantedMs * Math.max(1, postponed / smallCrowd), longestInCrowdMs);
    }
    // A lease's deadline is a time of the database's clock, which may differ. No lease lasts longer than a lock.
    return Math.min(wantedMs, leased ? this.options.lockMs : longestPostponementMs);
  }

  private async handle(job: Job): Promise<DeliveryResult> {
    const { queue, handle, logger } = this.options;
    const parsed = queueSchemas[queue].safeParse(job.data);
    if (!parsed.success) {
      logger.error({ queueJobId: job.id, issues: parsed.error.issues }, 'a delivery does not fit its schema');
      return { outcome: 'failed', code: 'REQUEST_INVALID', message: 'The payload does not fit its schema.' };
    }
    try {
      return await handle(parsed.data as Delivery<N>, job.id ?? '');
    } catch (error) {
      logger.error({ err: error, queueJobId: job.id, ...parsed.data }, 'a delivery failed');
      // The error was written to no row (the database may be unavailable), so only this delivery can bring the work back.
      return { outcome: 'later', at: new Date(Date.now() + redeliverAfterMs) };
    }
  }
}
