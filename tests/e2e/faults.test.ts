import { readdirSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DocumentChunksResponse, JobChunksResponse, JobView } from '@millrace/contracts';
import { type OpenAiServer, startOpenAiServer, textPdf, waitFor } from '@millrace/test-support';
import { openQueues } from '@millrace/test-support/queues';
import { Client } from '../chaos/src/client';
import { TestStack } from './support';

/** Long enough that a busy machine renews it in time. */
const leaseMs = 6_000;

let provider: OpenAiServer;
let millrace: TestStack;
/** The number of requests before the test. */
let firstRequest: number;
beforeAll(async () => {
  provider = await startOpenAiServer();
  millrace = await TestStack.start({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_BATCH_SIZE: '4',
    OPENAI_BASE_URL: provider.baseUrl,
    LEASE_MS: String(leaseMs),
    RECONCILE_INTERVAL_MS: '200',
    RECONCILE_GRACE_MS: '500',
  });
});
beforeEach(() => {
  provider.respondWith(() => 'ok');
  firstRequest = provider.requests.length;
});
afterAll(async () => {
  await millrace?.stop();
  await provider?.close();
});

/** Each page makes about two chunks. */
const book = (title: string, pages: number) =>
  textPdf(
    Array.from({ length: pages }, (_, i) => `${title}, page ${i}. ${`${title} goes on with line ${i}. `.repeat(60)}`),
  );

const jobChunksOf = async (jobId: string) =>
  (await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?limit=500`)).body.chunks;
const storedChunksOf = async (documentId: string) =>
  (await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${documentId}/chunks?limit=500`)).body.chunks;
const requests = () => provider.requests.slice(firstRequest);
const textsPaidFor = () => requests().flatMap((request) => request.input);

describe('When the same file is uploaded five times at the same moment', () => {
  test('then there is one document, one job, one original and one payment', async () => {
    const blobsBefore = await millrace.blobs();
    const pdf = await book('The quintuplets', 3);
    const answers = await Promise.all(Array.from({ length: 5 }, () => millrace.upload(pdf)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 200, 200, 200, 202]);
    expect(new Set(answers.map(({ body }) => `${body.document.id} ${body.job.id}`)).size).toBe(1);

    const job = await millrace.endOf(answers[0]?.body.job.id ?? '');
    expect(job.status).toBe('completed');
    expect(await storedChunksOf(job.document_id)).toHaveLength(job.total_chunks ?? -1);
    expect((await millrace.blobs()).filter((name) => !blobsBefore.includes(name))).toEqual([job.document_id]);
    expect(textsPaidFor()).toHaveLength(new Set(textsPaidFor()).size);
  });
});

describe('When a chunk is delivered ten times more while it is being embedded', () => {
  test('then it is claimed once, paid for once and stored once', async () => {
    const held = provider.holdAnswers();
    const { body } = await millrace.upload(await book('The echo', 2));
    await waitFor('a call to the provider', async () => requests().length > 0);
    const { queues, close } = await openQueues(millrace.environment.config());
    try {
      const chunks = await jobChunksOf(body.job.id);
      const copies = chunks.flatMap((chunk) =>
        Array.from({ length: 10 }, (_, i) => ({
          queue: 'chunks' as const,
          chunkId: chunk.id,
          jobId: body.job.id,
          documentId: body.document.id,
          collectionId: body.document.collection_id,
          chunkIndex: chunk.chunk_index,
          queueJobId: `by-hand-${chunk.id}-${i}`,
          delayMs: 0,
        })),
      );
      await queues.deliverChunks(copies);
      held.release();
      expect(await millrace.endOf(body.job.id)).toMatchObject({ status: 'completed', retry_count: 0 });
      await waitFor('all copies to be acknowledged', async () => {
        const states = await Promise.all(copies.map(({ queueJobId }) => queues.chunks.getJobState(queueJobId)));
        return states.every((state) => state === 'completed');
      });
      const after = await jobChunksOf(body.job.id);
      expect(after.map(({ status, attempts }) => ({ status, attempts }))).toEqual(
        chunks.map(() => ({ status: 'success', attempts: 1 })),
      );
      expect(await storedChunksOf(body.document.id)).toHaveLength(chunks.length);
      expect(textsPaidFor()).toHaveLength(new Set(textsPaidFor()).size);
    } finally {
      await close();
    }
  });
});

describe('When an embedder is stopped by SIGSTOP past its lease and resumed', () => {
  test('then another one has finished its work, and it changes nothing and continues with new work', async () => {
    const held = provider.holdAnswers();
    const { body } = await millrace.upload(await book('The sleeper', 2));
    await waitFor('a call to the provider', async () => requests().length > 0);
    const sleeper = millrace.newest('embedder');
    sleeper.kill('SIGSTOP');
    held.release();
    const another = await millrace.stack.add('embedder');
    const job = await millrace.endOf(body.job.id);
    expect(job).toMatchObject({ status: 'completed', failed_chunks: 0 });
    const chunks = await jobChunksOf(job.id);
    const stored = await storedChunksOf(body.document.id);
    expect(chunks.some((chunk) => chunk.attempts === 2)).toBe(true);
    expect(stored).toHaveLength(chunks.length);

    sleeper.kill('SIGCONT');
    await another.stop();
    // Only the sleeper is left for this, after the work that it had in hand.
    const { job: next } = await millrace.ingest(await book('The next morning', 1));
    expect(next.status).toBe('completed');
    expect(await jobChunksOf(job.id)).toEqual(chunks);
    expect(await storedChunksOf(body.document.id)).toEqual(stored);
    await sleeper.stop();
    expect(await sleeper.ended).toEqual({ how: 'ended with code 0', expected: true });
    await millrace.stack.add('embedder');
  });
});

/** Sends half of a file and waits until the API has it. @returns a function that sends the rest and returns the status. */
async function uploadHalf(apiUrl: string, pdf: Buffer): Promise<() => Promise<number>> {
  const half = Math.floor(pdf.length / 2);
  const outgoing = request(`${apiUrl}/api/v1/documents?filename=half.pdf`, {
    method: 'POST',
    headers: { authorization: `Bearer ${millrace.stack.apiKey}`, 'content-type': 'application/pdf' },
  });
  const status = new Promise<number>((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  outgoing.write(pdf.subarray(0, half));
  const incoming = join(millrace.environment.config().BLOB_DIR, 'incoming');
  await waitFor('half of the file to arrive', async () =>
    readdirSync(incoming).some((name) => statSync(join(incoming, name), { throwIfNoEntry: false })?.size === half),
  );
  return () => {
    outgoing.end(pdf.subarray(half));
    return status;
  };
}

describe('When every service is replaced one by one under load', () => {
  test('then no request fails, no attempt is lost and nothing is paid for twice', async () => {
    let apiUrl = millrace.stack.apiUrl;
    const uploaders = [0, 1, 2];
    /** Where each uploader sends its uploads now. */
    const inUse: string[] = [];
    const clients = uploaders.map((uploader) => {
      const address = () => {
        inUse[uploader] = apiUrl;
        return apiUrl;
      };
      return new Client(address, new AbortController().signal);
    });
    const deploying = new AbortController();
    const jobIds: string[] = [];
    const load = clients.map(async (client, uploader) => {
      for (let n = 0; !deploying.signal.aborted; n += 1) {
        const pdf = await book(`The deployment ${uploader} ${n}`, 2);
        const { job } = await client.upload({ name: `${uploader}-${n}.pdf`, pdf, errorCode: null });
        jobIds.push(job.id);
        // A client that never rests would only slow the replacement down.
        await pause(200);
      }
    });

    try {
      for (const name of ['api', 'chunker', 'embedder', 'reconciler'] as const) {
        const before = jobIds.length;
        await waitFor('more uploads', async () => jobIds.length > before);
        const old = millrace.newest(name);
        // The old embedder has a call in hand when it is told to stop.
        const held = name === 'embedder' ? provider.holdAnswers() : undefined;
        const calls = provider.requests.length;
        if (held) {
          await waitFor('a call of the embedder', async () => provider.requests.length > calls);
        }
        const replacement = await millrace.stack.add(name);
        if (name === 'api') {
          // As with a load balancer, no new request goes to the old API. It finishes those that it has begun.
          apiUrl = replacement.url;
          await waitFor('all to use the new API', async () => inUse.every((url) => url === apiUrl));
          const finishUpload = await uploadHalf(old.url, await book('The last of the old', 1));
          const stopped = millrace.stopProcess(old);
          expect(await finishUpload()).toBe(202);
          await stopped;
        }
        await millrace.stopProcess(old, held?.release);
        expect(await old.ended).toEqual({ how: 'ended with code 0', expected: true });
      }
    } finally {
      deploying.abort();
    }
    await Promise.all(load);

    expect(clients.map((client) => client.repeated)).toEqual([0, 0, 0]);
    const call = async <T>(path: string) => {
      const headers = { authorization: `Bearer ${millrace.stack.apiKey}` };
      return (await (await fetch(`${apiUrl}/api/v1${path}`, { headers })).json()) as T;
    };
    for (const jobId of jobIds) {
      const isCompleted = async () => (await call<JobView>(`/jobs/${jobId}`)).status === 'completed';
      await waitFor(`job ${jobId}`, isCompleted);
      const { chunks } = await call<JobChunksResponse>(`/jobs/${jobId}/chunks?limit=500`);
      expect(chunks.filter((chunk) => chunk.attempts !== 1)).toEqual([]);
    }
    expect(textsPaidFor()).toHaveLength(new Set(textsPaidFor()).size);
  });
});
