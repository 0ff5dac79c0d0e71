import type { DocumentChunksResponse, JobChunksResponse } from '@millrace/contracts';
import type { SupervisedProcess } from '@millrace/stack';
import { type OpenAiServer, startOpenAiServer, textPdf, waitFor } from '@millrace/test-support';
import { Redis } from 'ioredis';
import { TestStack } from './support';

let provider: OpenAiServer;
let millrace: TestStack;
beforeAll(async () => {
  provider = await startOpenAiServer();
  millrace = await TestStack.start({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_BATCH_SIZE: '2',
    EMBEDDING_CONCURRENCY: '1',
    OPENAI_BASE_URL: provider.baseUrl,
    LEASE_MS: '2000',
    RECONCILE_INTERVAL_MS: '200',
    RECONCILE_GRACE_MS: '500',
  });
});
beforeEach(() => provider.respondWith(() => 'ok'));
afterAll(async () => {
  await millrace?.stop();
  await provider?.close();
});

const book = (title: string) =>
  textPdf(
    Array.from({ length: 6 }, (_, i) => `${title}, page ${i}. ${`${title} has words on page ${i}. `.repeat(60)}`),
  );

/** Deletes everything of this stack from Redis, like FLUSHALL or a lost disk. */
async function loseRedis(): Promise<void> {
  const { REDIS_URL, QUEUE_PREFIX } = millrace.environment.config();
  const redis = new Redis(REDIS_URL);
  try {
    const keys = await redis.keys(`${QUEUE_PREFIX.replace(/[{}]/g, '\\$&')}*`);
    if (keys.length > 0) {
      await redis.del(...keys);
    }
  } finally {
    redis.disconnect();
  }
}

function running(name: string): SupervisedProcess[] {
  return millrace.stack.processes.filter((candidate) => candidate.name.startsWith(name));
}

async function expectWholeBook(jobId: string, documentId: string, firstRequest: number): Promise<void> {
  const job = await millrace.endOf(jobId);
  expect(job).toMatchObject({ status: 'completed', failed_chunks: 0, processed_chunks: job.total_chunks });
  const stored = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${documentId}/chunks?limit=500`);
  const indexes = stored.body.chunks.map((chunk) => chunk.chunk_index);
  expect(indexes).toEqual(Array.from({ length: job.total_chunks ?? -1 }, (_, i) => i));
  const paid = provider.requests.slice(firstRequest).flatMap((request) => request.input);
  expect(new Set(paid).size).toBe(paid.length);
}

describe('When Redis loses everything', () => {
  test('in the middle of a book, then the book is finished and no text is paid for twice', async () => {
    const first = provider.requests.length;
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    provider.respondWith(async (_, n) => {
      if (n > first + 1) {
        await held;
      }
      return 'ok' as const;
    });
    const { body } = await millrace.upload(await book('The flood'));
    await waitFor('the second call', async () => provider.requests.length >= first + 2);
    await loseRedis();
    answer();
    await expectWholeBook(body.job.id, body.document.id, first);
  });

  test('before a chunker has read the document, then the document is read all the same', async () => {
    const first = provider.requests.length;
    const [chunker] = running('chunker');
    chunker?.kill('SIGSTOP');
    const { body } = await millrace.upload(await book('The drought'));
    await loseRedis();
    chunker?.kill('SIGCONT');
    await expectWholeBook(body.job.id, body.document.id, first);
  });

  test('and the embedder dies with chunks in hand, then the book is finished', async () => {
    const first = provider.requests.length;
    provider.respondWith(() => ({ hang: true }));
    const { body } = await millrace.upload(await book('The fire'));
    await waitFor('the call to hang', async () => provider.requests.length > first);
    for (const embedder of running('embedder')) {
      embedder.kill('SIGKILL');
      await embedder.ended;
    }
    await loseRedis();
    const inHand = provider.requests.length;
    provider.respondWith(() => 'ok');
    await millrace.stack.add('embedder');
    await expectWholeBook(body.job.id, body.document.id, inHand);
    const { chunks } = (
      await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${body.job.id}/chunks?status=success&limit=500`)
    ).body;
    const twice = chunks.filter((chunk) => chunk.attempts === 2);
    expect(twice.length).toBeGreaterThan(0);
    const { body: detail } = await millrace.call<{ history: { error_code: string | null }[] }>(
      'GET',
      `/api/v1/jobs/${body.job.id}/chunks/${twice[0]?.id}`,
    );
    expect(detail.history.map((attempt) => attempt.error_code)).toEqual(['WORKER_LOST', null]);
  });
});

test('When one of two reconcilers is killed, then the other goes on', async () => {
  const [first] = running('reconciler');
  const second = await millrace.stack.add('reconciler');
  await waitFor('the second to have had a turn', async () => {
    const metrics = await (await fetch(`${second.url}/metrics`)).text();
    return /^millrace_reconciler_turns_total\{[^}]*outcome="swept"[^}]*\} [1-9]/m.test(metrics);
  });
  first?.kill('SIGKILL');
  await first?.ended;
  const before = provider.requests.length;
  const [chunker] = running('chunker');
  chunker?.kill('SIGSTOP');
  const { body } = await millrace.upload(await book('The relay'));
  await loseRedis();
  chunker?.kill('SIGCONT');
  await expectWholeBook(body.job.id, body.document.id, before);
});
