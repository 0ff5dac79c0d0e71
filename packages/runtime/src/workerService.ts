import { setTimeout } from 'node:timers/promises';
import type { Delivery, QueueName } from '@millrace/contracts';
import { createDeliveryMetrics, type DeliveryResult, QueueWorker } from '@millrace/queues';
import { RunningWork } from './runningWork';
import type { RunningService } from './runService';
import { type ServiceOptions, type ServiceTools, startBackgroundService } from './service';

/** The shares of SHUTDOWN_TIMEOUT_MS for finishing work, before the rest is released, and for closing the workers. */
const finishingShare = 0.6;
const closingShare = 0.15;

interface ConsumerOf<N extends QueueName> {
  queue: N;
  /** The largest number of deliveries that are worked on at once. */
  concurrency: number;
  /** Works on a delivery. When the signal of the running work aborts, it releases what it has claimed. */
  handle: (delivery: Delivery<N>, queueJobId: string) => Promise<DeliveryResult>;
}

/** The consumer of one queue. */
export type Consumer = { [N in QueueName]: ConsumerOf<N> }[QueueName];

export interface WorkerServiceOptions extends Omit<ServiceOptions, 'redis'> {
  setUp: (tools: ServiceTools & { runningWork: RunningWork }) => Promise<{
    consumers: readonly Consumer[];
    /** Called when no work is running any more. */
    close?: () => Promise<void>;
  }>;
}

/**
 * Starts a service that works on queues. When it stops, it takes no more deliveries, finishes what it can, and releases the
 * rest. A delivery that arrives after that is postponed.
 * @throws as startService
 */
export function startWorkerService({ setUp, ...options }: WorkerServiceOptions): Promise<RunningService> {
  return startBackgroundService({ ...options, redis: 'worker' }, async (tools) => {
    const runningWork = new RunningWork();
    const { consumers, close } = await setUp({ ...tools, runningWork });
    const metrics = createDeliveryMetrics(tools.registry);
    const workers = consumers.map((consumer) => {
      const { queue, concurrency } = consumer;
      // Each queue's worker parses its deliveries with that queue's schema.
      const handle = consumer.handle as ConsumerOf<QueueName>['handle'];
      return new QueueWorker({
        queue,
        prefix: tools.config.QUEUE_PREFIX,
        connection: tools.redis,
        concurrency,
        handle: async (delivery: Delivery<QueueName>, queueJobId) =>
          runningWork.signal.aborted
            ? { outcome: 'later', at: new Date() }
            : runningWork.run(() => handle(delivery, queueJobId)),
        onTaken: (priority) => tools.queues.noteTaken(queue, priority),
        pauseQueue: (forMs) => tools.queues.pause(queue, forMs),
        lockMs: tools.config.LEASE_MS,
        logger: tools.logger,
        metrics,
      });
    });

    const stopMs = tools.config.SHUTDOWN_TIMEOUT_MS;
    return {
      begin: () => {
        for (const worker of workers) {
          worker.start();
        }
      },
      stop: [
        {
          name: 'take no more deliveries',
          run: () => {
            tools.database.stopRetrying();
            return Promise.all(workers.map((worker) => worker.pause()));
          },
        },
        {
          name: 'finish the running work',
          run: () =>
            Promise.race([runningWork.finish(), setTimeout(stopMs * finishingShare, undefined, { ref: false })]),
        },
        { name: 'release unfinished work', run: () => runningWork.release() },
        {
          name: 'close the workers',
          run: () => Promise.all(workers.map((worker) => worker.close(stopMs * closingShare))),
        },
        { name: 'end the work', run: async () => close?.() },
      ],
    };
  });
}
