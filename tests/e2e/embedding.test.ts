import type { DocumentChunksResponse, JobChunksResponse } from '@millrace/contracts';
import { type OpenAiServer, startOpenAiServer, textPdf, waitFor } from '@millrace/test-support';
import { openQueues } from '@millrace/test-support/queues';
import { TestStack } from './support';

let provider: OpenAiServer;
let millrace: TestStack;
beforeAll(async () => {
  provider = await startOpenAiServer();
  millrace = await TestStack.start({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_BATCH_SIZE: '4',
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: provider.baseUrl,
  });
});
beforeEach(() => provider.respondWith(() => 'ok'));
afterAll(async () => {
  await millrace?.stop();
  await provider?.close();
});

/** A PDF whose pages make about two chunks each. No other test has the same chunks. */
const book = (title: string, pages = 5) =>
  textPdf(
    Array.from({ length: pages }, (_, i) => `${title}, page ${i}. ${`${title} goes on with line ${i}. `.repeat(60)}`),
  );

const chunksOf = async (jobId: string) =>
  (await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?limit=500`)).body;
const textsSince = (first: number) => provider.requests.slice(first).flatMap((request) => request.input);

describe('Embedding with a provider', () => {
  test('When the vectors have the wrong length, then the job fails with the code and no vector is stored', async () => {
    provider.respondWith(() => ({ dimensions: 10 }));
    const { job, document } = await millrace.ingest(await book('The wrong ruler'));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'EMBEDDING_DIMENSION_MISMATCH' } });
    expect(document.status).toBe('failed');
    const stored = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`);
    expect(stored.body.chunks).toEqual([]);
    expect((await chunksOf(job.id)).summary).toMatchObject({ failed: job.total_chunks, success: 0 });
  });

  test('When a job has failed chunks, then Bull Board shows their deliveries as failed, with the code', async () => {
    provider.respondWith(() => ({ status: 401 }));
    const { job } = await millrace.ingest(await book('The lost key', 1));
    expect(job.error?.code).toBe('EMBEDDING_REJECTED');
    const authorization = `Bearer ${millrace.stack.apiKey}`;
    await waitFor('the failed delivery on Bull Board', async () => {
      const url = `${millrace.stack.apiUrl}/admin/queues/api/queues?activeQueue=chunks&status=failed&page=1&jobsPerPage=50`;
      const board = (await (await fetch(url, { headers: { authorization } })).json()) as {
        queues: { name: string; jobs: { data: { jobId: string }; failedReason: string }[] }[];
      };
      const jobs = board.queues.find((queue) => queue.name === 'chunks')?.jobs ?? [];
      return jobs.some((entry) => entry.data.jobId === job.id && entry.failedReason.startsWith('EMBEDDING_REJECTED'));
    });
  });

  test('When the message of a refusal has NUL bytes, then it is recorded without them and the text is not sent again', async () => {
    const text = 'A text the provider does not like.';
    const refused = { status: 400, body: { error: { message: 'bad \u0000 input' } } };
    provider.respondWith((request) => (request.input.includes(text) ? refused : 'ok'));
    const first = provider.requests.length;
    const { job } = await millrace.ingest(await textPdf([text]));
    expect(job).toMatchObject({ status: 'failed', retry_count: 0, error: { code: 'EMBEDDING_REJECTED' } });
    expect((await chunksOf(job.id)).chunks[0]?.last_error).toContain('bad  input');
    expect(textsSince(first).filter((sent) => sent === text)).toHaveLength(1);
  });

  test('When the same text is in another document, then it is not embedded again', async () => {
    const text = 'A paragraph that two different documents share, word for word.';
    await millrace.ingest(await textPdf([text]));
    const first = provider.requests.length;
    const { document } = await millrace.ingest(await textPdf([text], { info: { Title: 'Another file' } }));
    expect(document.status).toBe('ready');
    expect(textsSince(first)).toEqual([]);
  });

  test('When a chunk is delivered ten times more at once, then nothing changes', async () => {
    const first = provider.requests.length;
    const { document, job } = await millrace.ingest(await book('The echo', 1));
    const before = await chunksOf(job.id);
    const texts = textsSince(first).length;
    const [chunk] = before.chunks;
    const { queues, close } = await openQueues(millrace.environment.config());
    try {
      const ids = Array.from({ length: 10 }, (_, i) => `again-${chunk?.id}-${i}`);
      await queues.deliverChunks(
        ids.map((queueJobId) => ({
          queue: 'chunks',
          chunkId: chunk?.id ?? '',
          jobId: job.id,
          documentId: document.id,
          collectionId: document.collection_id,
          chunkIndex: 0,
          queueJobId,
          delayMs: 0,
        })),
      );
      await waitFor('the extra deliveries to be acknowledged', async () => {
        const states = await Promise.all(ids.map((id) => queues.chunks.getJobState(id)));
        return states.every((state) => state === 'completed');
      });
    } finally {
      await close();
    }
    expect(await chunksOf(job.id)).toEqual(before);
    expect(textsSince(first)).toHaveLength(texts);
  });
});
