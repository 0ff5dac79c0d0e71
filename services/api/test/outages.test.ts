import { readdir } from 'node:fs/promises';
import { defaultCollectionId } from '@millrace/database';
import { Queues, workerConnection } from '@millrace/queues';
import { createLogger } from '@millrace/telemetry';
import { testServers, textPdf, Wire, waitFor } from '@millrace/test-support';
import { acceptedDocument, endedDocument, newCollection } from '@millrace/test-support/lifecycle';
import { endpoints } from '../src/endpoints';
import { errorsOf } from '../src/http/endpointErrors';
import { sendTo } from './sendTo';
import { TestApi } from './support';

const nilId = '00000000-0000-0000-0000-000000000000';

describe('When Redis is unreachable', () => {
  test('then an upload is still accepted, and the API says that it is not ready', async () => {
    const { wire, url } = await Wire.to(testServers().redisUrl);
    const api = await TestApi.start({ REDIS_URL: url });
    try {
      wire.cut();
      await waitFor('the API to notice', async () => (await api.anonymous.get('/readyz')).status === 503);
      const upload = await api.client.post('/api/v1/documents').attach('file', await textPdf(['Kept.']), 'a.pdf');
      expect(upload).toMatchObject({ status: 202, body: { job: { status: 'queued' } } });
      wire.mend();
      await waitFor('the API to recover', async () => (await api.anonymous.get('/readyz')).status === 200);
    } finally {
      wire.mend();
      await api.stop();
      await wire.close();
    }
  });
});

describe('When an operator retries or cancels without Redis', () => {
  test('then both are done, and the reconciler can make the deliveries later', async () => {
    const { wire, url } = await Wire.to(testServers().redisUrl);
    const api = await TestApi.start({ REDIS_URL: url });
    const { database } = api;
    try {
      const collectionId = await newCollection(database);
      const one = await endedDocument(database, 2, { failures: { 0: 'EMBEDDING_REJECTED' } });
      const many = await endedDocument(database, 2, { failures: { 1: 'EMBEDDING_REJECTED' }, collectionId });
      const unread = await acceptedDocument(database);
      wire.cut();
      await waitFor('the API to notice', async () => (await api.anonymous.get('/readyz')).status === 503);
      expect((await api.client.post(`/api/v1/jobs/${one.jobId}/chunks/retry`)).status).toBe(202);
      expect((await api.client.post('/api/v1/retries').send({ collection_id: collectionId })).status).toBe(202);
      expect((await api.client.post(`/api/v1/jobs/${unread.jobId}/cancel`)).status).toBe(200);
      const restarted = await api.client.post(`/api/v1/jobs/${unread.jobId}/chunks/retry`);
      expect(restarted).toMatchObject({ status: 202, body: { job_restarted: true } });
      const waiting = await database.jobChunks.listWaiting({ after: nilId, olderThanMs: -1_000, limit: 10 });
      expect(waiting.map((chunk) => chunk.id).sort()).toEqual([one.chunkIds[0], many.chunkIds[1]].sort());
      expect(await database.jobs.find(unread.jobId)).toMatchObject({ status: 'queued' });
    } finally {
      wire.mend();
      await api.stop();
      await wire.close();
    }
  });
});

describe('When the API stops right after a retry', () => {
  test('then it finishes the deliveries that it has begun', async () => {
    const api = await TestApi.start({ SHUTDOWN_TIMEOUT_MS: '120000' });
    const { database } = api;
    const { REDIS_URL, QUEUE_PREFIX } = api.environment.config();
    const connection = workerConnection(REDIS_URL, createLogger('test', 'silent'));
    const queues = new Queues(connection, QUEUE_PREFIX);
    try {
      const count = 3_000;
      const failures = Object.fromEntries(Array.from({ length: count }, (_, i) => [i, 'EMBEDDING_REJECTED' as const]));
      const { jobId } = await endedDocument(database, count, { failures });
      expect((await api.client.post(`/api/v1/jobs/${jobId}/chunks/retry`)).body.scheduled).toBe(count);
      await api.end();
      expect(await queues.chunks.getPrioritizedCount()).toBe(count);
    } finally {
      await queues.close();
      await connection.quit();
      await database.close();
      await api.environment.cleanUp();
    }
  });
});

describe('When Redis is frozen', () => {
  test('then an upload is still accepted', async () => {
    const { wire, url } = await Wire.to(testServers().redisUrl);
    const api = await TestApi.start({ REDIS_URL: url });
    try {
      wire.freeze();
      const upload = await api.client.post('/api/v1/documents').attach('file', await textPdf(['Kept.']), 'a.pdf');
      expect(upload.status).toBe(202);
    } finally {
      wire.cut();
      await api.stop();
      await wire.close();
    }
  });
});

/** The bodies of the endpoints that need one. */
const bodies: Record<string, object> = {
  searchChunks: { query: 'tea' },
  changeDocument: { metadata: {} },
  retryFailures: { collection_id: defaultCollectionId },
  createToken: { grant_type: 'refresh_token', refresh_token: 'unknown' },
  signOut: { refresh_token: 'unknown' },
  createUser: { email: 'ada@example.org' },
  createGroup: { name: 'Legal' },
  renameGroup: { name: 'Legal' },
  createKey: { name: 'a key', scopes: ['read'] },
};

describe('When the database is unreachable', () => {
  test('then requests are refused with DATABASE_UNAVAILABLE, no file stays, and uploads work again afterwards', async () => {
    const api = await TestApi.start();
    const { wire, url } = await Wire.to(api.environment.config().DATABASE_URL);
    const wired = await TestApi.start({ DATABASE_URL: url, DATABASE_MAX_OUTAGE_MS: '1000' });
    try {
      wire.cut();
      const pdf = await textPdf(['Refused at first.']);
      const refused = await wired.client.post('/api/v1/documents').attach('file', pdf, 'a.pdf');
      expect(refused).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE', retryable: true } });
      const blobs = await readdir(wired.environment.config().BLOB_DIR, { recursive: true, withFileTypes: true });
      expect(blobs.filter((entry) => entry.isFile())).toEqual([]);
      expect((await wired.anonymous.get('/readyz')).status).toBe(503);
      expect((await wired.anonymous.get('/healthz')).status).toBe(200);
      const using = endpoints.filter(
        (endpoint) => errorsOf(endpoint).includes('DATABASE_UNAVAILABLE') && endpoint.body?.kind !== 'upload',
      );
      const answers = using.map(async (endpoint) => {
        const body = bodies[endpoint.operationId];
        const sent = sendTo(endpoint, wired.client, 'application/json', body ? JSON.stringify(body) : '');
        return [endpoint.operationId, (await sent).status];
      });
      expect(await Promise.all(answers)).toEqual(using.map(({ operationId }) => [operationId, 503]));
      wire.mend();
      const accepted = await wired.client.post('/api/v1/documents').attach('file', pdf, 'a.pdf');
      expect(accepted.status).toBe(202);
    } finally {
      wire.mend();
      await wired.stop();
      await wire.close();
      await api.stop();
    }
  });
});
