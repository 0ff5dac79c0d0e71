import type { DocumentChunksResponse, JobChunksResponse } from '@millrace/contracts';
import { probeText } from '@millrace/embedder';
import { type OpenAiRequest, type OpenAiServer, startOpenAiServer, textPdf, waitFor } from '@millrace/test-support';
import { newCollection, openDatabase } from '@millrace/test-support/lifecycle';
import { TestStack } from './support';

/** A PDF of which each page makes about two chunks, none of them found in another test's document. */
const book = (title: string, pages = 5) =>
  textPdf(
    Array.from({ length: pages }, (_, i) => `${title}, page ${i}. ${`${title} goes on with line ${i}. `.repeat(60)}`),
  );

const holds = (request: OpenAiRequest, words: string) => request.input.some((text) => text.includes(words));

let provider: OpenAiServer;
let millrace: TestStack;
beforeAll(async () => {
  provider = await startOpenAiServer();
  millrace = await TestStack.start({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_BATCH_SIZE: '8',
    OPENAI_BASE_URL: provider.baseUrl,
  });
});
beforeEach(() => provider.respondWith(() => 'ok'));
afterAll(async () => {
  await millrace?.stop();
  await provider?.close();
});

/** Does `work` with one more embedder. */
async function withAnotherEmbedder(work: () => Promise<void>): Promise<void> {
  const embedder = await millrace.stack.add('embedder');
  try {
    await work();
  } finally {
    await embedder.stop();
  }
}

/** Replaces the embedder by `count` others with these settings while `work` is done. */
async function withEmbedders(count: number, changes: Record<string, string>, work: () => Promise<void>): Promise<void> {
  await millrace.newest('embedder').stop();
  const embedders = await Promise.all(Array.from({ length: count }, () => millrace.stack.add('embedder', changes)));
  try {
    await work();
  } finally {
    await Promise.all(embedders.map((embedder) => embedder.stop()));
    await millrace.stack.add('embedder');
  }
}

/** Ends the pause that this provider has earned, so that the next test does not wait for its end. */
async function endPauses(): Promise<void> {
  const database = openDatabase(millrace.environment.config().DATABASE_URL);
  try {
    await database.sql.none('DELETE FROM provider_pauses');
  } finally {
    await database.close();
  }
}

const chunksOf = async (jobId: string) =>
  (await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?limit=500`)).body;

/** Returns the texts of requests, probes left out. */
function paidFor(requests: readonly OpenAiRequest[]): string[] {
  return requests.flatMap((request) => request.input).filter((text) => text !== probeText);
}

describe('When a provider that works', () => {
  test('fails for one call, then the batch is divided, no attempt is lost and every text is stored once', async () => {
    const failed: string[] = [];
    const answered: OpenAiRequest[] = [];
    provider.respondWith((request) => {
      if (failed.length === 0 && request.input.length > 1) {
        failed.push(...request.input);
        return { status: 500 };
      }
      answered.push(request);
      return 'ok';
    });
    const { job, document } = await millrace.ingest(await book('The lighthouse'));
    expect(job).toMatchObject({ status: 'completed', retry_count: 0, failed_chunks: 0 });
    expect(document.status).toBe('ready');
    const { chunks } = await chunksOf(job.id);
    expect(chunks.map((chunk) => chunk.attempts)).toEqual(chunks.map(() => 1));
    const texts = paidFor(answered);
    expect(failed.length).toBeGreaterThan(1);
    expect(texts).toHaveLength(chunks.length);
    expect(new Set(texts).size).toBe(chunks.length);
  });

  test('refuses one text of a batch, then only that chunk fails and the document is partial', async () => {
    provider.respondWith((request) => (holds(request, 'page 3.') ? { status: 400 } : 'ok'));
    const { job, document } = await millrace.ingest(await book('The orchard'));
    expect(job).toMatchObject({
      status: 'completed_with_errors',
      failed_chunks: 1,
      error: { code: 'EMBEDDING_REJECTED' },
    });
    expect(document.status).toBe('partial');
    const { chunks } = await chunksOf(job.id);
    expect(chunks.filter((chunk) => chunk.status !== 'success')).toMatchObject([
      { status: 'failed', page_end: 4, attempts: 1, last_error_code: 'EMBEDDING_REJECTED' },
    ]);
    expect(chunks.filter((chunk) => chunk.status === 'success').map((chunk) => chunk.attempts)).toEqual(
      Array(chunks.length - 1).fill(1),
    );
  });

  test('fails for every batch with a poisoned text, then only that chunk uses up its attempts', async () => {
    provider.respondWith((request) => (holds(request, 'page 1.') ? { status: 500 } : 'ok'));
    const { job } = await millrace.ingest(await book('The mill'));
    expect(job).toMatchObject({ status: 'completed_with_errors', failed_chunks: 1, retry_count: 2 });
    const { chunks } = await chunksOf(job.id);
    expect(chunks.filter((chunk) => chunk.attempts !== 1)).toMatchObject([
      { status: 'failed', attempts: 3, page_end: 2, last_error_code: 'EMBEDDING_UNAVAILABLE' },
    ]);
  });

  test('returns invalid vectors for some texts, then only their chunks fail and are not stored', async () => {
    const bad: Record<string, number> = { 'page 0.': 0, 'page 2.': Number.NaN, 'page 4.': Number.POSITIVE_INFINITY };
    const badOf = (text: string) => Object.entries(bad).find(([words]) => text.includes(words))?.[1];
    provider.respondWith((request) => {
      const { input, dimensions = 0 } = request;
      if (input.every((text) => badOf(text) === undefined)) {
        return 'ok';
      }
      const data = input.map((text, index) => ({
        object: 'embedding',
        index,
        embedding: Buffer.from(new Float32Array(dimensions).fill(badOf(text) ?? 1).buffer).toString('base64'),
      }));
      return { json: { object: 'list', data } };
    });
    const { job, document } = await millrace.ingest(await book('The scales', 6));
    expect(job).toMatchObject({ status: 'completed_with_errors', failed_chunks: 3 });
    expect(document.status).toBe('partial');
    const { chunks } = await chunksOf(job.id);
    const failed = chunks.filter((chunk) => chunk.status === 'failed');
    expect(failed.map((chunk) => chunk.last_error_code)).toEqual(Array(3).fill('EMBEDDING_INVALID_RESPONSE'));
    const stored = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`);
    const storedIndexes = stored.body.chunks.map((chunk) => chunk.chunk_index);
    expect(storedIndexes).toEqual(chunks.filter((c) => c.status === 'success').map((c) => c.chunk_index));
  });
});

describe('When the calls for one document hang', () => {
  test.each(['its own', 'the default'])('in %s collection, then documents of the default one go on', async (which) => {
    await withEmbedders(1, { EMBEDDING_TIMEOUT_MS: '3000' }, async () => {
      const title = `The quicksand in ${which}`;
      provider.respondWith((request) => (holds(request, title) ? { hang: true } : 'ok'));
      const fields: Record<string, string> = which === 'its own' ? { collection_id: await makeCollection() } : {};
      const stuck = await millrace.upload(await book(title, 16), 'stuck.pdf', fields);
      await waitFor('the first call to hang', async () => provider.requests.some((request) => holds(request, title)));
      for (const ferry of ['first', 'second', 'third']) {
        const { body } = await millrace.upload(await book(`The ${ferry} ferry beside ${which}`));
        expect((await millrace.endOf(body.job.id)).status).toBe('completed');
      }
      // The search for the texts that hang takes many calls, and is not over.
      const job = await millrace.job(stuck.body.job.id);
      expect(job).toMatchObject({ status: expect.stringMatching(/processing|retrying/), processed_chunks: 0 });
      await millrace.call('DELETE', `/api/v1/documents/${stuck.body.document.id}`);
    });
  });

  async function makeCollection(): Promise<string> {
    const database = openDatabase(millrace.environment.config().DATABASE_URL);
    try {
      return await newCollection(database);
    } finally {
      await database.close();
    }
  }
});

describe('When the provider limits the rate', () => {
  test('then every worker pauses for as long as it says, and no attempt counts', async () => {
    await withAnotherEmbedder(async () => {
      let limitedAt = 0;
      const calls: number[] = [];
      provider.respondWith(() => {
        if (limitedAt === 0) {
          limitedAt = Date.now();
          return { status: 429, headers: { 'retry-after': '4' } };
        }
        calls.push(Date.now() - limitedAt);
        return 'ok';
      });
      const uploads = await Promise.all(
        [0, 1, 2].map(async (i) => millrace.upload(await book(`The tollgate ${i}`, 8))),
      );
      for (const { body } of uploads) {
        expect(await millrace.endOf(body.job.id)).toMatchObject({ status: 'completed', retry_count: 0 });
        const { chunks } = await chunksOf(body.job.id);
        expect(chunks.map((chunk) => chunk.attempts)).toEqual(chunks.map(() => 1));
      }
      // At most three calls were under way when the first was refused. On a busy machine they arrive late.
      expect(calls.length).toBeGreaterThan(3);
      expect(calls.filter((after) => after < 3_900).length).toBeLessThanOrEqual(3);
    });
  });
});

describe('When the provider is away', () => {
  test('then work waits without using attempts, and goes on when it is back', async () => {
    const first = provider.requests.length;
    provider.respondWith(() => ({ status: 503 }));
    const { body } = await millrace.upload(await book('The silent oracle', 3));
    // The provider must come back during a pause, which begins with a failed probe. A probe that succeeds after a failed
    // batch would blame the texts of that batch.
    await waitFor('a failed probe after other failed calls', async () => {
      return provider.requests.length >= first + 3 && provider.requests.at(-1)?.input[0] === probeText;
    });
    const waiting = await chunksOf(body.job.id);
    expect(waiting.summary).toMatchObject({ failed: 0, success: 0, retry_scheduled: 0 });
    provider.respondWith(() => 'ok');
    expect(await millrace.endOf(body.job.id)).toMatchObject({ status: 'completed', retry_count: 0 });
    const { chunks } = await chunksOf(body.job.id);
    expect(chunks.map((chunk) => chunk.attempts)).toEqual(chunks.map(() => 1));
  });
});

test('When several documents with the same texts are embedded by two workers, then each text is paid for once', async () => {
  await withEmbedders(2, { EMBEDDING_BATCH_SIZE: '4', EMBEDDING_CONCURRENCY: '1' }, async () => {
    const first = provider.requests.length;
    const requests = () => provider.requests.slice(first);
    const held = provider.holdAnswers();
    const pages = Array.from({ length: 10 }, (_, i) => `Twins, page ${i}. ${`They share line ${i}. `.repeat(80)}`);
    const uploads = await Promise.all(
      [1, 2, 3].map(async (i) => millrace.upload(await textPdf(pages, { info: { Title: `Twin ${i}` } }))),
    );
    // A worker has one call in hand at a time.
    await waitFor('a call of each worker', async () => requests().length >= 2);
    held.release();
    for (const { body } of uploads) {
      expect((await millrace.endOf(body.job.id)).status).toBe('completed');
      expect((await millrace.document(body.document.id)).status).toBe('ready');
    }
    const texts = paidFor(requests());
    expect(texts.length).toBeGreaterThanOrEqual(pages.length);
    expect(new Set(texts).size).toBe(texts.length);
  });
});

test('When the provider is away for longer than work may wait, then the job ends and every chunk says why', async () => {
  await withEmbedders(1, { EMBEDDING_MAX_OUTAGE_MS: '0' }, async () => {
    provider.respondWith(() => ({ status: 503 }));
    // Every attempt waits for a pause, and each pause is longer. Two attempts show that there is more than one.
    const { body } = await millrace.upload(await book('The dry well', 1), 'well.pdf', { chunk_max_retries: '2' });
    const job = await millrace.endOf(body.job.id);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'EMBEDDING_UNAVAILABLE' } });
    const { chunks } = await chunksOf(job.id);
    expect(chunks.length).toBeGreaterThan(1);
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ status: 'failed', attempts: 2, last_error_code: 'EMBEDDING_UNAVAILABLE' });
    }
    await endPauses();
  });
});
