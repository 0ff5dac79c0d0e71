import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DocumentChunksResponse, DocumentPagesResponse, JobChunksResponse } from '@millrace/contracts';
import { nulTextPdf, testApiKey, textPdf, waitFor } from '@millrace/test-support';
import { Client } from 'pg';
import { declaredIn, metricsIn, prometheusFiles, readDashboard } from './monitoringFiles';
import { root, TestStack } from './support';

let millrace: TestStack;
beforeAll(async () => {
  millrace = await TestStack.start({ EMBEDDING_CONTEXT: 'headings' });
});
afterAll(() => millrace.stop());

const pages = [
  'The harbour master records every ship that enters the port. Cargo is weighed on the quay before it is stored.',
  'Beekeeping in spring. The queen begins to lay eggs when the first willows bloom, and the colony grows quickly.',
  'A sourdough loaf needs flour, water, salt and patience. The dough rises overnight before it is baked.',
];

describe('From upload to search', () => {
  test('When a PDF is uploaded, then it is accepted, becomes ready, and a search finds the right page', async () => {
    const uploaded = await millrace.upload(await textPdf(pages), 'essays.pdf');
    expect(uploaded.status).toBe(202);
    expect(uploaded.body).toMatchObject({
      duplicate: false,
      document: { status: 'queued', filename: 'essays.pdf', error: null },
      job: { status: 'queued', progress: 0 },
    });
    const { document, job, links } = uploaded.body;
    expect(links).toEqual({
      self: `/api/v1/documents/${document.id}`,
      chunks: `/api/v1/documents/${document.id}/chunks`,
      pages: `/api/v1/documents/${document.id}/pages`,
      versions: `/api/v1/documents/${document.id}/versions`,
      job: `/api/v1/jobs/${job.id}`,
    });

    expect(await millrace.endOf(job.id)).toMatchObject({ status: 'completed', progress: 1, failed_chunks: 0 });
    expect(await millrace.document(document.id)).toMatchObject({ status: 'ready', page_count: 3, error: null });

    const [best] = await millrace.search('bees and their queen', { document_id: document.id });
    expect(best).toMatchObject({
      document_id: document.id,
      filename: 'essays.pdf',
      document_status: 'ready',
      text: expect.stringContaining('queen begins to lay eggs'),
    });
    expect(best?.page_start).toBeLessThanOrEqual(2);
    expect(best?.page_end).toBeGreaterThanOrEqual(2);
    expect(best?.score).toBeGreaterThan(0.1);
    for (const box of best?.coordinates ?? []) {
      expect(box.x0).toBeGreaterThanOrEqual(0);
      expect(box.x1).toBeLessThanOrEqual(1);
      expect(box.y0).toBeLessThan(box.y1);
    }
    expect(best?.coordinates.length).toBeGreaterThan(0);
  });

  test('Services use a role that may change no table, and searches one that may only read', async () => {
    const client = new Client({ connectionString: millrace.environment.config().DATABASE_URL });
    await client.connect();
    try {
      await waitFor('a search by the role that may only read', async () => {
        await millrace.search('bees and their queen');
        const { rows } = await client.query<{ role: string }>(
          `SELECT regexp_replace(usename, '^.*_', '') AS role
           FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace-%'
           GROUP BY 1 ORDER BY 1`,
        );
        const roles = rows.map((row) => row.role);
        expect(roles.filter((role) => !['readonly', 'service'].includes(role))).toEqual([]);
        return roles.includes('service') && roles.includes('readonly');
      });
    } finally {
      await client.end();
    }
  });

  test('When a job is finished, then its chunks, pages and stored chunks can be listed page by page', async () => {
    const long = Array.from({ length: 8 }, (_, i) => `Chapter ${i}. ${`Sentence number ${i} of many. `.repeat(120)}`);
    const { document, job } = await millrace.ingest(await textPdf(long));
    const chunks = (await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${job.id}/chunks?limit=2`)).body;
    expect(chunks.summary).toEqual({
      total: job.total_chunks,
      success: job.total_chunks,
      pending: 0,
      processing: 0,
      failed: 0,
      retry_scheduled: 0,
      cancelled: 0,
    });
    expect(chunks.chunks.map((chunk) => [chunk.chunk_index, chunk.status, chunk.attempts])).toEqual([
      [0, 'success', 1],
      [1, 'success', 1],
    ]);
    const next = `/api/v1/jobs/${job.id}/chunks?limit=2&cursor=${chunks.next_cursor}`;
    expect((await millrace.call<JobChunksResponse>('GET', next)).body.chunks[0]?.chunk_index).toBe(2);

    const stored = (await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`)).body;
    expect(stored.chunks).toHaveLength(job.total_chunks ?? -1);
    for (const chunk of stored.chunks) {
      expect(chunk.token_count).toBeLessThanOrEqual(400);
      expect(chunk.content_hash).toMatch(/^[0-9a-f]{64}$/);
      expect(chunk.chunk_hash).toMatch(/^[0-9a-f]{64}$/);
      expect(chunk.embedding_model).toMatch(/^millrace-static-v2~[0-9a-f]{8}$/);
    }
    const listed = (await millrace.call<DocumentPagesResponse>('GET', `/api/v1/documents/${document.id}/pages`)).body;
    expect(listed.pages.map((page) => [page.page, page.outcome])).toEqual(long.map((_, i) => [i + 1, 'text']));
  });

  test('When the same content is uploaded again, then the first document answers and nothing is added', async () => {
    const pdf = await textPdf(['Only one of these is kept.']);
    const first = await millrace.upload(pdf, 'first.pdf');
    await millrace.endOf(first.body.job.id);
    const blobs = await millrace.blobs();
    const second = await millrace.upload(pdf, 'second.pdf');
    expect(second.status).toBe(200);
    expect(second.body).toMatchObject({
      duplicate: true,
      document: { id: first.body.document.id, filename: 'first.pdf', status: 'ready' },
      job: { id: first.body.job.id, status: 'completed' },
    });
    expect(await millrace.blobs()).toEqual(blobs);
  });

  test('When the same content comes many times at once, then one document and one file are made', async () => {
    const pdf = await textPdf(['Sent by many at the same moment.']);
    const blobsBefore = (await millrace.blobs()).length;
    const uploads = await Promise.all(Array.from({ length: 8 }, () => millrace.upload(pdf)));
    expect(uploads.map((upload) => upload.status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 202]);
    expect(new Set(uploads.map((upload) => upload.body.document.id)).size).toBe(1);
    expect((await millrace.blobs()).length).toBe(blobsBefore + 1);
  });

  test('When a document is deleted, then its vectors and its file are gone and its sibling stays', async () => {
    const doomed = await millrace.ingest(await textPdf(['Walruses sing below the ice in winter.']));
    const sibling = await millrace.ingest(await textPdf(['Walruses rest on the ice in summer.']));
    expect(
      (await millrace.search('walruses'))
        .slice(0, 2)
        .map((hit) => hit.document_id)
        .sort(),
    ).toEqual([doomed.document.id, sibling.document.id].sort());

    expect((await millrace.call('DELETE', `/api/v1/documents/${doomed.document.id}`)).status).toBe(204);
    expect((await millrace.call('GET', `/api/v1/documents/${doomed.document.id}`)).status).toBe(404);
    expect((await millrace.call('GET', `/api/v1/jobs/${doomed.job.id}`)).status).toBe(404);
    expect((await millrace.call('DELETE', `/api/v1/documents/${doomed.document.id}`)).status).toBe(404);
    const found = (await millrace.search('walruses')).map((hit) => hit.document_id);
    expect(found).toContain(sibling.document.id);
    expect(found).not.toContain(doomed.document.id);
    expect(await millrace.blobs()).not.toContain(doomed.document.id);
    expect(await millrace.blobs()).toContain(sibling.document.id);
  });

  test('When the text of a PDF holds NUL bytes, then it is stored without them', async () => {
    const { document } = await millrace.ingest(nulTextPdf());
    expect(document.status).toBe('ready');
    const { body } = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`);
    expect(body.chunks.length).toBeGreaterThan(0);
    expect(body.chunks.map((chunk) => chunk.text).join('')).not.toContain('\0');
  });

  test('When a real filing is asked for its revenue by quarter, then the found pages are about it', async () => {
    const filing = join(root, '..', 'shared', 'corpus', 'real', 'BESTBUY_2023_10K.pdf');
    // Without the shared corpus, a report of the project takes the place of the filing.
    const file = existsSync(filing) ? filing : join(root, 'samples', 'annual-report.pdf');
    const { document } = await millrace.ingest(await readFile(file), 'report.pdf');
    expect(document.status).toBe('ready');
    const hits = await millrace.search('total revenue by quarter', { document_id: document.id, limit: 5 });
    expect(hits).toHaveLength(Math.min(5, document.total_chunks ?? 0));
    expect(hits.filter((hit) => /revenue/i.test(hit.text) && /quarter/i.test(hit.text)).length).toBeGreaterThan(0);
  });
});

describe('Watching', () => {
  test('When all is well, then every service answers healthz, readyz and metrics', async () => {
    for (const service of millrace.stack.processes) {
      const get = (path: string) =>
        fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${testApiKey}` } });
      expect((await get('/healthz')).status).toBe(200);
      const ready = await get('/readyz');
      expect(ready.status).toBe(200);
      expect(await ready.json()).toMatchObject({ ready: true, checks: { database: 'ok', redis: 'ok' } });
      expect(await (await get('/metrics')).text()).toContain('millrace_process_resident_memory_bytes');
    }
  });

  test('When the dashboard and the alerts name a metric, then a service has it', async () => {
    const answers = millrace.stack.processes.map(async ({ url }) =>
      (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${testApiKey}` } })).text(),
    );
    // Only an API with DATABASE_READ_URL has this one.
    const declared = [...(await Promise.all(answers)).flatMap(declaredIn), 'millrace_database_read_fresh'];
    const texts = [JSON.stringify((await readDashboard()).panels), await readFile(prometheusFiles.rules, 'utf8')];
    const named = texts.flatMap(metricsIn).filter((name) => !name.includes(':'));
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !declared.includes(name))).toEqual([]);
  });

  test('When an operator opens Bull Board, then every queue is shown', async () => {
    const authorization = `Bearer ${testApiKey}`;
    const page = await fetch(`${millrace.stack.apiUrl}/admin/queues`, { headers: { authorization } });
    expect(page.status).toBe(200);
    const queues = await fetch(`${millrace.stack.apiUrl}/admin/queues/api/queues`, { headers: { authorization } });
    const body = (await queues.json()) as { queues: { name: string }[] };
    expect(body.queues.map((queue) => queue.name).sort()).toEqual(['chunks', 'documents', 'reembed-chunks']);
  });

  test('When a document is chunked and embedded, then the logs name its document and job', async () => {
    const { document, job } = await millrace.ingest(await textPdf(['Followed through the logs.']));
    // The reconciler logs what it repairs. Here it has nothing to do.
    for (const service of millrace.stack.processes.filter(({ name }) => name !== 'reconciler')) {
      const lines = (await readFile(service.log, 'utf8')).trim().split('\n');
      const entries = lines.map((line) => JSON.parse(line) as { documentId?: string; jobId?: string });
      expect(entries).toContainEqual(expect.objectContaining({ documentId: document.id, jobId: job.id }));
    }
  });
});
