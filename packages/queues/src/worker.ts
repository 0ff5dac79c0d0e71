import { setTimeout } from 'node:timers/promises';
import type { ErrorCode } from '@millrace/contracts';
import { Counter, Histogram, type Logger, type Registry } from '@millrace/telemetry';
import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { z } from 'zod';

/** The wait before a delivery that could not be handled at all comes again. */
const redeliverAfterMs = 2_000;

/** The longest that a handler itself puts a delivery off. */
const longestPutOffMs = 60_000;

/** What became of a delivery. */
export type DeliveryResult =
  /** Taken care of, or nothing to do: acknowledge it. */
  | { outcome: 'done' }
  /** Not now: deliver it again then. `leased`: it is when somebody else's lease ends. */
  | { outcome: 'later'; at: Date; leased?: boolean }
  /** Nothing of this queue can be worked on for so many milliseconds: all its workers wait, and it comes again. */
  | { outcome: 'paused'; forMs: number }
  /** The work failed, and the row says so; the queue shows it as failed. Its next try is a delivery of its own. */
  | { outcome: 'failed'; code: ErrorCode; message: string };

export interface QueueWorkerOptions<T> {
  queueName: string;
  prefix: string;
  connection: Redis;
  /** Parses a payload; a delivery that does not fit is failed, not retried. */
  schema: z.ZodType<T>;
  handle: (delivery: T, queueJobId: string) => Promise<DeliveryResult>;
  /** Deliveries in hand at once. */
  concurrency: number;
  /** Has all workers of the queue wait for so many milliseconds. */
  pauseQueue: (forMs: number) => Promise<void>;
  /** A delivery whose worker died comes again after this time, in milliseconds; as long as the lease on the row. */
  lockMs: number;
  logger: Logger;
  registry: Registry;
}

/**
 * A worker on one queue, with metrics, logs and an end. BullMQ delivers each job once (attempts: 1) and again only when
 * a worker dies; tries and their limits are counted on the row, by the lifecycle package.
 */
export class QueueWorker<T> {
  private readonly worker: Worker;
  private readonly deliveries: Counter;
  private readonly duration: Histogram;

  constructor(private readonly options: QueueWorkerOptions<T>) {
    const labelNames = ['queue', 'outcome'] as const;
    this.deliveries = new Counter({
      name: 'millrace_deliveries_total',
      help: 'Queue deliveries handled, by outcome',
      labelNames,
      registers: [options.registry],
    });
    this.duration = new Histogram({
      name: 'millrace_delivery_seconds',
      help: 'Time a delivery was in hand',
      labelNames,
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
      registers: [options.registry],
    });
    this.worker = new Worker(options.queueName, (job, token) => this.process(job, token), {
      connection: options.connection,
      prefix: options.prefix,
      concurrency: options.concurrency,
      autorun: false,
      lockDuration: options.lockMs,
      stalledInterval: Math.max(500, options.lockMs / 2),
      // No limit of its own; but only with one does BullMQ look whether the queue is paused by rateLimit().
      limiter: { max: 1_000_000_000, duration: 1 },
      // How often work may be lost is decided on the row (attempts), never by the queue.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    // BullMQ says "error" for lost connections and lost locks; the work itself reports its own failures.
    this.worker.on('error', (error) => options.logger.warn({ err: error, queue: options.queueName }, 'queue error'));
  }

  /** Begins to take deliveries. */
  start(): void {
    this.worker.run().catch((error: Error) => {
      this.options.logger.fatal({ err: error, queue: this.options.queueName }, 'the queue worker ended');
      // A process that takes no deliveries must not look alive: it stops in order, and its supervisor starts another.
      process.kill(process.pid, 'SIGTERM');
    });
  }

  /** Takes no further delivery; those in hand go on. */
  async pause(): Promise<void> {
    await this.worker.pause(true);
  }

  /**
   * Waits for the deliveries in hand, then closes. With Redis away that would take for ever: after `graceMs` it gives
   * up, and what was in hand comes again once its lock has ended.
   */
  async close(graceMs: number): Promise<void> {
    await Promise.race([this.worker.close(), setTimeout(graceMs, undefined, { ref: false })]);
  }

  private async process(job: Job, token: string | undefined): Promise<void> {
    const stopTimer = this.duration.startTimer({ queue: this.options.queueName });
    const result = await this.handle(job);
    stopTimer({ outcome: result.outcome });
    this.deliveries.inc({ queue: this.options.queueName, outcome: result.outcome });
    if (result.outcome === 'later') {
      // A lease's end is the database's time, whose clock is not ours, and no lease lasts longer than a lock.
      const longestMs = result.leased ? this.options.lockMs : longestPutOffMs;
      const waitMs = Math.min(Math.max(result.at.getTime() - Date.now(), 0), longestMs);
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

  private async handle(job: Job): Promise<DeliveryResult> {
    const parsed = this.options.schema.safeParse(job.data);
    if (!parsed.success) {
      this.options.logger.error(
        { queueJobId: job.id, issues: parsed.error.issues },
        'a delivery does not fit its schema',
      );
      return { outcome: 'failed', code: 'REQUEST_INVALID', message: 'The payload does not fit its schema' };
    }
    try {
      return await this.options.handle(parsed.data, job.id ?? '');
    } catch (error) {
      this.options.logger.error({ err: error, queueJobId: job.id, ...this.ids(parsed.data) }, 'a delivery failed');
      // Nothing was written down (the database is away, say), so nobody else brings this work back: deliver it again.
      return { outcome: 'later', at: new Date(Date.now() + redeliverAfterMs) };
    }
  }

  private ids(delivery: T): object {
    return typeof delivery === 'object' && delivery !== null ? delivery : {};
  }
}
