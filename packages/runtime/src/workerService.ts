import { setTimeout } from 'node:timers/promises';
import type { Delivery, QueueName } from '@millrace/contracts';
import { createDeliveryMetrics, type DeliveryResult, QueueWorker } from '@millrace/queues';
import type { RunningService } from './runService';
import { type ServiceOptions, type ServiceTools, startBackgroundService } from './service';
import { WorkInHand } from './workInHand';

/** The shares of SHUTDOWN_TIMEOUT_MS for finishing work, before the rest is released, and for closing the workers. */
const finishingShare = 0.6;
const closingShare = 0.15;

interface ConsumerOf<N extends QueueName> {
  queue: N;
  /** Deliveries in hand at once. */
  concurrency: number;
  /** Works on a delivery. When the signal of the work in hand aborts, it releases what it has claimed. */
  handle: (delivery: Delivery<N>, queueJobId: string) => Promise<DeliveryResult>;
}

/** What takes the deliveries of one queue. */
export type Consumer = { [N in QueueName]: ConsumerOf<N> }[QueueName];

export interface WorkerServiceOptions extends Omit<ServiceOptions, 'redis'> {
  setUp: (tools: ServiceTools & { inHand: WorkInHand }) => Promise<{
    consumers: readonly Consumer[];
    /** Called when nothing is in hand any more. */
    close?: () => Promise<void>;
  }>;
}

/**
 * Starts a service that works on queues. Every delivery counts as work in hand, and none is begun once work is to be
 * released. When the service stops, it finishes what it can and releases the rest.
 * @throws as startService
 */
export function startWorkerService({ setUp, ...options }: WorkerServiceOptions): Promise<RunningService> {
  return startBackgroundService({ ...options, redis: 'worker' }, async (tools) => {
    const inHand = new WorkInHand();
    const { consumers, close } = await setUp({ ...tools, inHand });
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
          inHand.signal.aborted ? { outcome: 'later', at: new Date() } : inHand.run(() => handle(delivery, queueJobId)),
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
            tools.database.endWaiting();
            return Promise.all(workers.map((worker) => worker.pause()));
          },
        },
        {
          name: 'finish the work in hand',
          run: () => Promise.race([inHand.finish(), setTimeout(stopMs * finishingShare, undefined, { ref: false })]),
        },
        { name: 'release unfinished work', run: () => inHand.release() },
        {
          name: 'close the workers',
          run: () => Promise.all(workers.map((worker) => worker.close(stopMs * closingShare))),
        },
        { name: 'end the work', run: async () => close?.() },
      ],
    };
  });
}
