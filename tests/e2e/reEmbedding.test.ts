import { setTimeout } from 'node:timers/promises';
import type { JobChunksResponse, SearchResponse } from '@millrace/contracts';
import { waitFor } from '@millrace/test-support';
import { book, ModelChangeStack, next } from './modelChange';

let stack: ModelChangeStack;
afterEach(() => stack?.stop());

/** Repeats `work`, with pauses that leave the processor to the services, until the returned function is called. */
function repeatedly(work: (n: number) => Promise<void>): () => Promise<void> {
  let goesOn = true;
  const done = (async () => {
    for (let n = 0; goesOn; n += 1) {
      await work(n);
      await setTimeout(200);
    }
  })();
  return () => {
    goesOn = false;
    return done;
  };
}

test('When the model and the dimensions change, then searches and uploads go on, and all vectors are new in the end', async () => {
  stack = await ModelChangeStack.start();
  const { millrace, provider } = stack;
  const lighthouse = await book('The lighthouse');
  const first = await millrace.ingest(lighthouse);
  const twin = await millrace.ingest(await book('The lighthouse', 3, 'Another file'));
  const deleted = await millrace.ingest(await book('The shipwreck'));
  const kept = [first.document.id, twin.document.id];
  const chunks = await stack.chunksOf(kept);
  const documents = await stack.documents(kept);
  expect(chunks.length).toBeGreaterThan(6);

  // After the first batch the re-embedding waits until searches and uploads have gone on for a while.
  let batches = 0;
  let goOn: () => void = () => undefined;
  const hasGoneOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  provider.respondWith(async (request) => {
    batches += request.input.length > 1 ? 1 : 0;
    if (request.input.length > 1 && batches > 1) {
      await hasGoneOn;
    }
    return 'ok' as const;
  });
  const query = 'The lighthouse goes on';
  const answers: { status: number; hits: number }[] = [];
  const endSearches = repeatedly(async () => {
    const { status, body } = await millrace.call<SearchResponse>('POST', '/api/v1/search', { query });
    answers.push({ status, hits: body.hits?.length ?? 0 });
  });
  const uploads: { documentId: string; jobId: string }[] = [];
  const endUploads = repeatedly(async (n) => {
    const { body } = await millrace.upload(await book(`Arrival ${n}`, 1));
    uploads.push({ documentId: body.document.id, jobId: body.job.id });
    await millrace.endOf(body.job.id);
  });
  const command = stack.reEmbed('start');
  await waitFor('the first new vectors', async () => command.output.includes('begun') && (await stack.countNext()) > 0);
  await millrace.call('DELETE', `/api/v1/documents/${deleted.document.id}`);
  const searches = answers.length;
  await waitFor('searches and uploads to go on', async () => answers.length > searches + 5 && uploads.length > 3);
  goOn();
  expect(await command.succeeded()).toContain('Done: all vectors are of next-model (256 dimensions).');
  await endUploads();
  for (const { jobId } of uploads) {
    expect(await millrace.endOf(jobId)).toMatchObject({ status: 'completed', retry_count: 0 });
  }
  await endSearches();

  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  expect(Math.min(...answers.map((answer) => answer.hits))).toBeGreaterThan(0);
  expect(uploads.length).toBeGreaterThan(3);
  expect(await stack.models()).toEqual([next]);
  // Texts and documents are unchanged, and each document still names the job that ingested it.
  expect(await stack.chunksOf(kept)).toEqual(chunks);
  expect(await stack.documents(kept)).toEqual(documents);
  expect((await millrace.upload(lighthouse)).body).toMatchObject({
    duplicate: true,
    document: { status: 'ready', job_id: first.job.id },
    job: { id: first.job.id, kind: 'ingest' },
  });
  // No text is paid for twice, although two documents have the same texts. Queries are.
  const texts = stack.sent().filter((text) => text !== query);
  expect(new Set(texts).size).toBe(texts.length);
  for (const documentId of [...kept, ...uploads.slice(-1).map((upload) => upload.documentId)]) {
    const text = await stack.textOf(documentId);
    expect((await millrace.search(text, { document_id: documentId }))[0]).toMatchObject({ text });
  }
  expect(await stack.reEmbed('status').succeeded()).toContain('The vectors are of next-model (256 dimensions).');
  const again = stack.reEmbed('start');
  expect(await again.ended).toBe(1);
  expect(again.output).toContain('already');
});

test('When embedder and command are killed in the middle, then others finish it and no answered text is sent again', async () => {
  stack = await ModelChangeStack.start(({ baseUrl }) => ({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_MODEL: 'old-model',
    OPENAI_BASE_URL: baseUrl,
    NEXT_EMBEDDING_PROVIDER: '',
    NEXT_EMBEDDING_DIMENSIONS: '',
    NEXT_OPENAI_BASE_URL: '',
    // What the killed embedder holds is free after this time. A busy machine renews it in time.
    LEASE_MS: '6000',
  }));
  const { millrace, provider } = stack;
  const books = [
    await millrace.ingest(await book('The windmill', 4)),
    await millrace.ingest(await book('The windmill', 4, 'Another file')),
  ].map(({ document }) => document.id);
  const documents = await stack.documents(books);
  const answered: string[] = [];
  let calls = 0;
  let hangs = true;
  provider.respondWith((request) => {
    if (request.model === next.model) {
      calls += 1;
      if (hangs && calls >= 2) {
        return { hang: true };
      }
      answered.push(...request.input);
    }
    return 'ok';
  });
  const command = stack.reEmbed('start');
  await waitFor('the provider to hang', async () => calls >= 2);
  const embedder = millrace.stack.processes.find((candidate) => candidate.name === 'embedder');
  embedder?.kill('SIGKILL');
  command.kill('SIGKILL');
  await Promise.all([embedder?.ended, command.ended]);
  expect(await stack.reEmbed('status').succeeded()).toMatch(
    /being changed to next-model \(768 dimensions\): \d+ of \d+ chunks/,
  );
  expect((await millrace.search('The windmill goes on')).length).toBeGreaterThan(0);

  hangs = false;
  await millrace.stack.add('embedder');
  expect(await stack.reEmbed('start').succeeded()).toContain('goes on');
  expect(await stack.models()).toEqual([{ model: 'next-model', dimensions: 768 }]);
  expect(await stack.documents(books)).toEqual(documents);
  const texts = await stack.database.sql.many<{ content: string }>('SELECT DISTINCT content FROM document_chunks');
  expect(texts.length).toBeGreaterThan(4);
  expect([...answered].sort()).toEqual(texts.map(({ content }) => content).sort());
});

test('When the change is cancelled in the middle, then nothing of it is left, and when the next one meets a rejected text, then the old vectors stay until a retry helps', async () => {
  stack = await ModelChangeStack.start();
  const { millrace, provider, database } = stack;
  const { document } = await millrace.ingest(await book('The orchard'));
  await millrace.ingest(await book('The meadow'));
  const expectOldVectors = async () => {
    expect((await millrace.document(document.id)).status).toBe('ready');
    expect((await millrace.search('The orchard')).length).toBeGreaterThan(0);
    expect(await stack.models()).toEqual([{ model: 'millrace-static-v2', dimensions: 768 }]);
  };

  const held = provider.holdAnswers();
  const cancelled = stack.reEmbed('start');
  await waitFor('a call to the provider', async () => provider.requests.length > 0);
  expect(await stack.reEmbed('cancel').succeeded()).toContain('Cancelled: the change to next-model (256 dimensions).');
  expect(await cancelled.ended).toBe(1);
  expect(cancelled.output).toContain('The re-embedding was cancelled.');
  await waitFor('its jobs to be cancelled', async () => {
    const jobs = await database.sql.many<{ status: string }>(`SELECT status FROM jobs WHERE kind = 're-embed'`);
    return jobs.length > 0 && jobs.every((job) => job.status === 'cancelled');
  });
  expect(await database.sql.one(`SELECT to_regclass('document_chunks_next') AS table`)).toEqual({ table: null });
  await expectOldVectors();
  held.release();

  // A text that the held call did not have: a vector of that call may still come, and then counts for the next change.
  const { document: late } = await millrace.ingest(await book('The harvest'));
  provider.respondWith((request) =>
    request.input.some((text) => text.includes('The harvest, page 1.')) ? { status: 400 } : 'ok',
  );
  const command = stack.reEmbed('start');
  expect(await command.ended).toBe(1);
  expect(command.output).toMatch(new RegExp(`job \\S+ of document ${late.id}: EMBEDDING_REJECTED`));
  const status = await stack.reEmbed('status').succeeded();
  expect(status).toMatch(/1 chunk failed/);
  const jobId = /job (\S+) of/.exec(status)?.[1] ?? '';
  const failed = await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?status=failed`);
  expect(failed.body.chunks).toMatchObject([{ page_end: 2, last_error_code: 'EMBEDDING_REJECTED', attempts: 1 }]);
  await expectOldVectors();

  provider.respondWith(() => 'ok');
  expect((await millrace.call('POST', `/api/v1/jobs/${jobId}/chunks/retry`)).status).toBe(202);
  expect(await stack.reEmbed('start').succeeded()).toContain('Done');
  expect(await stack.models()).toEqual([next]);
  expect((await millrace.document(late.id)).status).toBe('ready');
  const text = await stack.textOf(late.id);
  expect((await millrace.search(text))[0]).toMatchObject({ document_id: late.id, text });
});
