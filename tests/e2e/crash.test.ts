import type { DocumentChunksResponse, JobChunksResponse } from '@millrace/contracts';
import { type OpenAiServer, startOpenAiServer, textPdf, waitFor } from '@millrace/test-support';
import { TestStack } from './support';

let provider: OpenAiServer;
let millrace: TestStack;
beforeAll(async () => {
  provider = await startOpenAiServer();
  millrace = await TestStack.start({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_BATCH_SIZE: '2',
    EMBEDDING_CONCURRENCY: '1',
    EMBEDDING_TIMEOUT_MS: '60000',
    OPENAI_BASE_URL: provider.baseUrl,
    LEASE_MS: '2000',
    SHUTDOWN_TIMEOUT_MS: '3000',
    RECONCILE_INTERVAL_MS: '200',
  });
});
afterAll(async () => {
  await millrace?.stop();
  await provider?.close();
});

/** A PDF whose texts no other test uses. */
const book = (title: string) =>
  textPdf(
    Array.from({ length: 6 }, (_, i) => `${title}, page ${i}. ${`${title} has words on page ${i}. `.repeat(60)}`),
  );

const summaryOf = async (jobId: string) =>
  (await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?limit=500`)).body;

/** Uploads a book and waits until the provider hangs on its second batch. How many chunks a batch holds varies. */
async function uploadAndHang(
  title: string,
): Promise<{ jobId: string; documentId: string; stored: number; hanging: number }> {
  const first = provider.requests.length;
  let calls = 0;
  provider.respondWith(() => {
    calls += 1;
    return calls >= 2 ? { hang: true } : 'ok';
  });
  const { body } = await millrace.upload(await book(title));
  await waitFor('the provider to hang', async () => calls >= 2);
  const [stored = 0, hanging = 0] = provider.requests.slice(first).map((request) => request.input.length);
  return { jobId: body.job.id, documentId: body.document.id, stored, hanging };
}

async function expectWholeBook(jobId: string, documentId: string): Promise<void> {
  const job = await millrace.endOf(jobId);
  expect(job).toMatchObject({ status: 'completed', failed_chunks: 0, processed_chunks: job.total_chunks });
  const stored = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${documentId}/chunks?limit=500`);
  const indexes = stored.body.chunks.map((chunk) => chunk.chunk_index);
  expect(indexes).toEqual(Array.from({ length: job.total_chunks ?? -1 }, (_, i) => i));
}

describe('When the embedder', () => {
  test('is killed in the middle of its work, then another one finishes it and what was stored stays', async () => {
    const { jobId, documentId, stored, hanging } = await uploadAndHang('The collapse');
    const embedder = millrace.newest('embedder');
    embedder.kill('SIGKILL');
    await embedder.ended;
    const before = await summaryOf(jobId);
    expect(before.summary).toMatchObject({ success: stored, processing: hanging });

    const first = provider.requests.length;
    provider.respondWith(() => 'ok');
    await millrace.stack.add('embedder');
    await expectWholeBook(jobId, documentId);

    const after = await summaryOf(jobId);
    expect(after.chunks.filter((chunk) => chunk.attempts === 2)).toHaveLength(hanging);
    expect(provider.requests.slice(first).flatMap((request) => request.input)).toHaveLength(
      after.summary.total - stored,
    );
  });

  test('is stopped while the provider hangs, then it releases its chunks and no attempt counts', async () => {
    const { jobId, documentId, stored } = await uploadAndHang('The interruption');
    const embedder = millrace.newest('embedder');
    await embedder.stop();
    expect(await embedder.ended).toEqual({ how: 'ended with code 0', expected: true });
    const { summary, chunks } = await summaryOf(jobId);
    expect(summary).toMatchObject({ success: stored, processing: 0, failed: 0 });
    expect(chunks.filter((chunk) => chunk.status === 'pending').map((chunk) => chunk.attempts)).toEqual(
      Array(summary.total - stored).fill(0),
    );

    provider.respondWith(() => 'ok');
    await millrace.stack.add('embedder');
    await expectWholeBook(jobId, documentId);
  });

  test('is stopped before the provider answers, then no other batch begins and nothing stays claimed', async () => {
    const held = provider.holdAnswers();
    const first = provider.requests.length;
    const { body } = await millrace.upload(await book('The last answer'));
    await waitFor('a call to the provider', async () => provider.requests.length > first);
    const embedder = millrace.newest('embedder');
    await millrace.stopProcess(embedder, held.release);
    expect(await embedder.ended).toEqual({ how: 'ended with code 0', expected: true });
    const { summary, chunks } = await summaryOf(body.job.id);
    expect(summary).toMatchObject({ processing: 0, failed: 0 });
    expect(summary.pending).toBeGreaterThan(0);
    expect(chunks.filter((chunk) => chunk.status === 'pending' && chunk.attempts > 0)).toEqual([]);

    await millrace.stack.add('embedder');
    await expectWholeBook(body.job.id, body.document.id);
  });
});

describe('When the chunker', () => {
  test('is killed before it has stored anything, then another one reads the document', async () => {
    provider.respondWith(() => 'ok');
    const chunker = millrace.newest('chunker');
    chunker.kill('SIGSTOP');
    const { body } = await millrace.upload(await book('The unread book'));
    chunker.kill('SIGKILL');
    await chunker.ended;
    await millrace.stack.add('chunker');
    await expectWholeBook(body.job.id, body.document.id);
  });
});
