import { once } from 'node:events';
import { newId } from '@millrace/contracts';
import { closeConnection, type DeliveryResult, Queues, untilReady, workerConnection } from '@millrace/queues';
import { createLogger } from '@millrace/telemetry';
import { createTestEnvironment, type TestEnvironment, waitFor } from '@millrace/test-support';
import type { Redis } from 'ioredis';
import { type RunningService, startWorkerService } from '../src';

const logger = createLogger('test', 'silent');
let environment: TestEnvironment;
let connection: Redis;
let queues: Queues;

beforeEach(async () => {
  environment = await createTestEnvironment({ SHUTDOWN_TIMEOUT_MS: '1000' });
  const config = environment.config();
  connection = workerConnection(config.REDIS_URL, logger);
  await untilReady(connection, 60_000);
  queues = new Queues(connection, config.QUEUE_PREFIX);
});
afterEach(async () => {
  await queues?.close();
  await closeConnection(connection);
  await environment?.cleanUp();
});

/** Starts a service that handles each delivery of a job with `handle`. */
function start(handle: (stopping: AbortSignal) => Promise<DeliveryResult>): Promise<RunningService> {
  return startWorkerService({
    name: 'tester',
    config: environment.config(),
    logger,
    setUp: async ({ runningWork }) => ({
      consumers: [{ queue: 'documents', concurrency: 1, handle: () => handle(runningWork.signal) }],
    }),
  });
}

async function stop(service: RunningService): Promise<void> {
  for (const { run } of service.stop) {
    await run();
  }
}

/** Delivers a job. @returns a function that reads the state of its delivery. */
async function deliver(): Promise<() => Promise<string>> {
  const jobId = newId();
  await queues.deliverJobs([
    { jobId, documentId: newId(), collectionId: newId(), queueJobId: `${jobId}.1`, delayMs: 0 },
  ]);
  return () => queues.documents.getJobState(`${jobId}.1`);
}

test('When a service with a queue has started, then it is ready, handles deliveries and counts them', async () => {
  const service = await start(async () => ({ outcome: 'done' }));
  try {
    expect((await fetch(`${service.urls.healthUrl}/readyz`)).status).toBe(200);
    const state = await deliver();
    await waitFor('the delivery to be handled', async () => (await state()) === 'completed');
    const metrics = await (await fetch(`${service.urls.healthUrl}/metrics`)).text();
    expect(metrics).toContain('millrace_deliveries_total{queue="documents",outcome="done",service="tester"} 1');
  } finally {
    await stop(service);
  }
});

test('When work does not finish in the time for it, then it is released, and its delivery comes again', async () => {
  let begun = 0;
  const service = await start(async (stopping) => {
    begun += 1;
    await once(stopping, 'abort');
    return { outcome: 'later', at: new Date() };
  });
  const [first, second] = [await deliver(), await deliver()];
  await waitFor('the first delivery to be worked on', async () => begun === 1);
  await stop(service);
  expect([await first(), await second()].sort()).toEqual(['delayed', 'prioritized']);
  expect(begun).toBe(1);
});
