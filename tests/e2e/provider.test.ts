import type {
  DocumentChunksResponse,
  DocumentView,
  JobChunksResponse,
  JobView,
  UploadResponse,
} from '@millrace/contracts';
import { newId } from '@millrace/contracts';
import { Database, systemOwnerId } from '@millrace/database';
import { probeText } from '@millrace/embedder';
import { type OpenAiRequest, type OpenAiServer, startOpenAiServer, textPdf, waitFor } from '@millrace/test-support';
import { TestStack } from './support';

/** A PDF of which each page makes about two chunks, none of them found in another test's document. */
const book = (title: string, pages = 5) =>
  textPdf(
    Array.from({ length: pages }, (_, i) => `${title}, page ${i}. ${`${title} goes on with line ${i}. `.repeat(60)}`),
  );

const holds = (request: OpenAiRequest, words: string) => request.input.some((text) => text.includes(words));

async function withStack(
  work: (millrace: TestStack, provider: OpenAiServer) => Promise<void>,
  changes: Record<string, string> = {},
): Promise<void> {
  const provider = await startOpenAiServer();
  try {
    const millrace = await TestStack.start({
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_TIMEOUT_MS: '2000',
      EMBEDDING_BATCH_SIZE: '8',
      OPENAI_BASE_URL: provider.baseUrl,
      ...changes,
    });
    try {
      await work(millrace, provider);
    } finally {
      await millrace.stop();
    }
  } finally {
    await provider.close();
  }
}

const chunksOf = async (millrace: TestStack, jobId: string) =>
  (await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?limit=500`)).body;

/** The texts of all requests that were answered with vectors, probes left out. */
function paidFor(requests: readonly OpenAiRequest[]): string[] {
  return requests.flatMap((request) => request.input).filter((text) => text !== probeText);
}

describe('When a provider that works', () => {
  test('fails for one call, then the batch is divided, no attempt is lost and every text is stored once', async () => {
    await withStack(async (millrace, provider) => {
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
      const { chunks } = await chunksOf(millrace, job.id);
      expect(chunks.map((chunk) => chunk.attempts)).toEqual(chunks.map(() => 1));
      const texts = paidFor(answered);
      expect(failed.length).toBeGreaterThan(1);
      expect(texts).toHaveLength(chunks.length);
      expect(new Set(texts).size).toBe(chunks.length);
    });
  });

  test('refuses one text of a batch, then that chunk alone fails and the document is partial', async () => {
    await withStack(async (millrace, provider) => {
      provider.respondWith((request) => (holds(request, 'page 3.') ? { status: 400 } : 'ok'));
      const { job, document } = await millrace.ingest(await book('The orchard'));
      expect(job).toMatchObject({
        status: 'completed_with_errors',
        failed_chunks: 1,
        error: { code: 'EMBEDDING_REJECTED' },
      });
      expect(document.status).toBe('partial');
      const { chunks } = await chunksOf(millrace, job.id);
      expect(chunks.filter((chunk) => chunk.status !== 'success')).toMatchObject([
        { status: 'failed', page_end: 4, attempts: 1, last_error_code: 'EMBEDDING_REJECTED' },
      ]);
      expect(chunks.filter((chunk) => chunk.status === 'success').map((chunk) => chunk.attempts)).toEqual(
        Array(chunks.length - 1).fill(1),
      );
    });
  });

  test('fails whenever one text is among others, then that chunk alone uses up its attempts', async () => {
    await withStack(async (millrace, provider) => {
      provider.respondWith((request) => (holds(request, 'page 1.') ? { status: 500 } : 'ok'));
      const { job } = await millrace.ingest(await book('The mill'));
      expect(job).toMatchObject({ status: 'completed_with_errors', failed_chunks: 1, retry_count: 2 });
      const { chunks } = await chunksOf(millrace, job.id);
      expect(chunks.filter((chunk) => chunk.attempts !== 1)).toMatchObject([
        { status: 'failed', attempts: 3, page_end: 2, last_error_code: 'EMBEDDING_UNAVAILABLE' },
      ]);
    });
  });

  test('gives some texts vectors that are none, then their chunks alone fail and are not stored', async () => {
    await withStack(async (millrace, provider) => {
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
      const { chunks } = await chunksOf(millrace, job.id);
      const failed = chunks.filter((chunk) => chunk.status === 'failed');
      expect(failed.map((chunk) => chunk.last_error_code)).toEqual(Array(3).fill('EMBEDDING_INVALID_RESPONSE'));
      const stored = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`);
      const storedIndexes = stored.body.chunks.map((chunk) => chunk.chunk_index);
      expect(storedIndexes).toEqual(chunks.filter((c) => c.status === 'success').map((c) => c.chunk_index));
    });
  });
});

describe('When the calls for one document hang', () => {
  test.each(['its own', 'the default'])('in %s collection, then documents of the default one go on', async (which) => {
    await withStack(
      async (millrace, provider) => {
        const collectionId = newId();
        const database = new Database({
          url: millrace.environment.config().DATABASE_URL,
          poolMax: 1,
          connectTimeoutMs: 5_000,
          applicationName: 'test',
        });
        await database.sql.none(`INSERT INTO collections (id, owner_id, name) VALUES ($1, $2, 'stuck')`, [
          collectionId,
          systemOwnerId,
        ]);
        await database.close();
        provider.respondWith((request) => (holds(request, 'The quicksand') ? { hang: true } : 'ok'));
        const fields: Record<string, string> = which === 'its own' ? { collection_id: collectionId } : {};
        const stuck = await millrace.upload(await book('The quicksand', 16), 'stuck.pdf', fields);
        await waitFor('the first call to hang', async () => provider.requests.some((r) => holds(r, 'The quicksand')));
        for (const title of ['The first ferry', 'The second ferry', 'The third ferry']) {
          const { body } = await millrace.upload(await book(title));
          // Far less than it takes to examine the texts that hang, and more than a few calls that hang.
          expect((await millrace.endOf(body.job.id, 15_000)).status).toBe('completed');
        }
        const job = await millrace.job(stuck.body.job.id);
        expect(job).toMatchObject({ status: expect.stringMatching(/processing|retrying/), processed_chunks: 0 });
        await millrace.call('DELETE', `/api/v1/documents/${stuck.body.document.id}`);
      },
      { EMBEDDING_TIMEOUT_MS: '1000' },
    );
  });
});

describe('When the provider limits the rate', () => {
  test('then every worker pauses for as long as it says, and no attempt counts', async () => {
    await withStack(async (millrace, provider) => {
      await millrace.stack.add('embedder');
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
        const { chunks } = await chunksOf(millrace, body.job.id);
        expect(chunks.map((chunk) => chunk.attempts)).toEqual(chunks.map(() => 1));
      }
      // At most three calls were under way when the first was refused. On a busy machine they arrive late.
      const during = calls.filter((after) => after < 3_900);
      expect(during.length).toBeLessThanOrEqual(3);
      expect(during.filter((after) => after > 2_000)).toEqual([]);
    });
  });
});

describe('When the provider is away', () => {
  test('then work waits without using attempts, and goes on when it is back', async () => {
    await withStack(async (millrace, provider) => {
      provider.respondWith(() => ({ status: 503 }));
      const { body } = await millrace.upload(await book('The silent oracle', 3));
      await waitFor('three calls in vain', async () => provider.requests.length >= 3);
      const waiting = await chunksOf(millrace, body.job.id);
      expect(waiting.summary).toMatchObject({ failed: 0, success: 0, retry_scheduled: 0 });
      provider.respondWith(() => 'ok');
      expect(await millrace.endOf(body.job.id)).toMatchObject({ status: 'completed', retry_count: 0 });
      const { chunks } = await chunksOf(millrace, body.job.id);
      expect(chunks.map((chunk) => chunk.attempts)).toEqual(chunks.map(() => 1));
    });
  });

  test('for longer than work may wait, then the job ends and every chunk says why', async () => {
    await withStack(
      async (millrace, provider) => {
        provider.respondWith(() => ({ status: 503 }));
        const { job } = await millrace.ingest(await book('The dry well', 1));
        expect(job).toMatchObject({ status: 'failed', error: { code: 'EMBEDDING_UNAVAILABLE' } });
        for (const chunk of (await chunksOf(millrace, job.id)).chunks) {
          expect(chunk).toMatchObject({ status: 'failed', attempts: 3, last_error_code: 'EMBEDDING_UNAVAILABLE' });
        }
      },
      { EMBEDDING_MAX_OUTAGE_MS: '0' },
    );
  });
});

test('When two documents with the same text are embedded by two workers at once, then each text is paid for once', async () => {
  await withStack(
    async (millrace, provider) => {
      await millrace.stack.add('embedder');
      provider.respondWith(async () => {
        await new Promise((resolve) => setTimeout(resolve, 150));
        return 'ok' as const;
      });
      const pages = Array.from({ length: 10 }, (_, i) => `Twins, page ${i}. ${`They share line ${i}. `.repeat(80)}`);
      const uploads = await Promise.all(
        [1, 2, 3].map(async (i) => millrace.upload(await textPdf(pages, { info: { Title: `Twin ${i}` } }))),
      );
      const ids = uploads.map(({ body }: { body: UploadResponse }) => body);
      const jobs: JobView[] = await Promise.all(ids.map(({ job }) => millrace.endOf(job.id)));
      const documents: DocumentView[] = await Promise.all(ids.map(({ document }) => millrace.document(document.id)));
      expect(jobs.map((job) => job.status)).toEqual(['completed', 'completed', 'completed']);
      expect(documents.map((document) => document.status)).toEqual(['ready', 'ready', 'ready']);
      const texts = paidFor(provider.requests);
      expect(new Set(texts).size).toBe(texts.length);
    },
    { EMBEDDING_BATCH_SIZE: '4' },
  );
});
