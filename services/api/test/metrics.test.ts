import { createLogger, createRegistry } from '@millrace/telemetry';
import { waitFor } from '@millrace/test-support';
import { acceptedDocument, chunkedDocument, claimedChunks, endedDocument } from '@millrace/test-support/lifecycle';
import { cachedReading } from '../src/metrics/cachedReading';
import { addStateMetrics } from '../src/metrics/stateMetrics';
import { TestApi } from './support';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

/** Reads the values of a metric, by the values of its labels. */
async function samples(name: string): Promise<Record<string, number>> {
  const { text } = await api.client.get('/metrics');
  const found = [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))];
  return Object.fromEntries(
    found.map(([, labels = '', value]) => [
      [...labels.matchAll(/(\w+)="([^"]*)"/g)]
        .flatMap(([, label, text]) => (label === 'service' ? [] : text))
        .join(' '),
      Number(value),
    ]),
  );
}

describe('The metrics of the state', () => {
  test('When there is work in every state, then they count it', async () => {
    const { database } = api;
    const queues = await api.openQueues();
    const waiting = await acceptedDocument(database);
    await queues.deliverJobs([
      { ...waiting, collectionId: waiting.document.collectionId, queueJobId: `${waiting.jobId}.1`, delayMs: 0 },
    ]);
    await endedDocument(database, 3, { failures: { 0: 'EMBEDDING_REJECTED' } });
    await endedDocument(database, 2);
    const { chunkIds } = await chunkedDocument(database, 4);
    await claimedChunks(database, chunkIds.slice(0, 1));
    await database.sql.none(`UPDATE job_chunks SET created_at = now() - interval '1 hour' WHERE status = 'pending'`);

    expect(await samples('millrace_documents')).toEqual({
      queued: 1,
      processing: 1,
      ready: 1,
      partial: 1,
      failed: 0,
      cancelled: 0,
    });
    expect(await samples('millrace_jobs')).toMatchObject({ queued: 1, processing: 1, completed_with_errors: 1 });
    expect(await samples('millrace_chunks')).toEqual({
      waiting: 3,
      processing: 1,
      failed: 1,
      cancelled: 0,
      stored: 4,
    });
    expect(await samples('millrace_queue_deliveries')).toMatchObject({ 'documents waiting': 1, 'chunks waiting': 0 });
    const oldest = await samples('millrace_queue_oldest_seconds');
    expect(oldest.chunks).toBeGreaterThan(3_590);
    expect(oldest.documents).toBeGreaterThan(0);
    expect(oldest['reembed-chunks']).toBe(0);
  });

  test('When a source fails, then its gauges have no values, the failure is counted, and the rest is answered', async () => {
    const registry = createRegistry('test');
    const depths = { waiting: 7, delayed: 0, active: 0 };
    addStateMetrics(registry, {
      countWork: () => Promise.reject(new Error('down')),
      measureQueues: async () => ({ documents: depths, chunks: depths, 'reembed-chunks': depths }),
      logger: createLogger('test', 'silent'),
    });
    await registry.metrics();
    const text = await registry.metrics();
    expect(text).toMatch(/^millrace_state_failures_total\{source="database",service="test"\} 1$/m);
    expect(text).toMatch(/^millrace_queue_deliveries\{queue="chunks",state="waiting",service="test"\} 7$/m);
    expect(text).not.toMatch(/^millrace_documents\{/m);
  });

  test('When they are asked for often, then the source is read once, and again when the figures are old', async () => {
    let reads = 0;
    const read = async () => {
      reads += 1;
      return reads;
    };
    const options = { read, timeoutMs: 60_000, onFailure: () => undefined };
    const often = cachedReading({ ...options, maxAgeMs: 60_000 });
    expect(await Promise.all([often(), often(), often()])).toEqual([1, 1, 1]);
    const always = cachedReading({ ...options, maxAgeMs: 0 });
    expect([await always(), await always()]).toEqual([2, 3]);
  });

  test('When a reading hangs, then it gives nothing after its time', async () => {
    const failures: unknown[] = [];
    const reading = cachedReading({
      read: () => new Promise<number>(() => undefined),
      maxAgeMs: 1_000,
      timeoutMs: 20,
      onFailure: (error) => failures.push(error),
    });
    expect(await reading()).toBeNull();
    expect(failures).toMatchObject([{ message: 'There was no answer within 20 ms.' }]);
  });
});

describe('The metrics of requests', () => {
  test('When requests are answered, then they are counted by route and status, and unknown addresses share one', async () => {
    await api.client.get('/api/v1/jobs/11111111-1111-4111-8111-111111111111');
    await api.client.get('/api/v1/jobs/22222222-2222-4222-8222-222222222222');
    await api.client.get('/api/v1/no-such-thing');
    await api.client.get('/another-thing');
    await api.client.put('/api/v1/search');
    await api.anonymous.get('/api/v1/documents');
    await waitFor('the requests to be counted', async () => {
      const counts = await samples('millrace_http_request_seconds_count');
      return counts['GET other 404'] === 2 && counts['GET /api/v1/documents 401'] === 1;
    });
    expect(await samples('millrace_http_request_seconds_count')).toMatchObject({
      'GET /api/v1/jobs/{id} 404': 2,
      'PUT /api/v1/search 405': 1,
      'GET /metrics 200': expect.any(Number),
    });
  });
});
