import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { DocumentChunksResponse, JobChunksResponse } from '@millrace/contracts';
import { Database } from '@millrace/database';
import { probeText } from '@millrace/embedder';
import { type OpenAiServer, startOpenAiServer, textPdf, waitFor } from '@millrace/test-support';
import { root, TestStack } from './support';

const program = join(root, 'apps/cli/dist/main.js');
const dimensions = 256;

/** A PDF of which each page makes about two chunks, none of them found in another title's document. */
const book = (title: string, pages = 3, info = title) =>
  textPdf(
    Array.from({ length: pages }, (_, i) => `${title}, page ${i}. ${`${title} goes on with line ${i}. `.repeat(60)}`),
    { info: { Title: info } },
  );

/** What the command has said, and how it ended. */
class Command {
  output = '';
  readonly ended: Promise<number | null>;

  constructor(private readonly child: ReturnType<typeof spawn>) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        this.output += data;
      });
    }
    this.ended = once(child, 'close').then(([code]) => code);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

describe('Re-embedding', () => {
  let provider: OpenAiServer;
  let millrace: TestStack;
  let database: Database;

  async function start(changes: Record<string, string> = {}): Promise<void> {
    millrace = await TestStack.start({
      EMBEDDING_PROVIDER: 'static',
      NEXT_EMBEDDING_PROVIDER: 'openai',
      NEXT_EMBEDDING_MODEL: 'next-model',
      NEXT_EMBEDDING_DIMENSIONS: String(dimensions),
      NEXT_OPENAI_BASE_URL: provider.baseUrl,
      EMBEDDING_BATCH_SIZE: '4',
      EMBEDDING_CONCURRENCY: '1',
      RECONCILE_INTERVAL_MS: '300',
      LEASE_MS: '2000',
      ...changes,
    });
    database = new Database({
      url: millrace.environment.config().DATABASE_URL,
      poolMax: 2,
      connectTimeoutMs: 5_000,
      applicationName: 'test',
    });
  }

  afterEach(async () => {
    await database?.close();
    await millrace?.stop();
    await provider.close();
  });

  beforeEach(async () => {
    provider = await startOpenAiServer();
  });

  /** Runs `re-embed ACTION` as the operator does, as the owner of the tables. */
  function reEmbed(...args: string[]): Command {
    const { PATH } = process.env;
    const env = { PATH, ...millrace.environment.variables };
    return new Command(spawn(process.execPath, [program, 're-embed', ...args], { env, cwd: __dirname }));
  }

  async function succeed(command: Command): Promise<string> {
    const code = await command.ended;
    expect([code, command.output]).toEqual([0, command.output]);
    return command.output;
  }

  const next = () => database.sql.one<{ n: number }>('SELECT count(*)::integer AS n FROM document_chunks_next');

  /** Everything of the stored chunks but their vectors and what says of which model these are. */
  const storedTexts = () =>
    database.sql.many<{ row: { document_id: string } }>(
      `SELECT to_jsonb(c) - '{embedding,embedding_model,updated_at}'::text[] AS row FROM document_chunks c ORDER BY c.id`,
    );

  const modelsStored = () =>
    database.sql.many(
      `SELECT embedding_model AS model, vector_dims(embedding) AS dimensions, count(*)::integer AS chunks
       FROM document_chunks GROUP BY 1, 2 ORDER BY 1`,
    );

  const documents = () =>
    database.sql.many<{ id: string }>('SELECT id, status, error_code, updated_at FROM documents ORDER BY id');

  const shapeOf = (table: string) =>
    database.sql.many(
      `SELECT 'index' AS what, relname::text AS name, regexp_replace(pg_get_indexdef(c.oid), '\\d+', 'N', 'g') AS definition
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1::regclass
       UNION ALL SELECT 'constraint', conname::text, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE conrelid = $1::regclass AND contype <> 'n'
       UNION ALL SELECT 'column', attname::text, attstorage::text || attnotnull FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0
       UNION ALL SELECT 'table', coalesce(reloptions::text, ''), (SELECT string_agg(a::text, ' ' ORDER BY a::text)
         FROM unnest(relacl) AS a) FROM pg_class WHERE oid = $1::regclass
       ORDER BY 1, 2`,
      [table],
    );

  const textOf = async (documentId: string) => {
    const chunks = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${documentId}/chunks`);
    return chunks.body.chunks[0]?.text ?? '';
  };

  /** The texts that were paid for, probes left out. */
  const paid = () =>
    provider.requests
      .filter((request) => request.model === 'next-model')
      .flatMap((request) => request.input)
      .filter((text) => text !== probeText);

  test('When the model and the dimensions change, then searches and uploads go on, and all vectors are new in the end', async () => {
    await start();
    const lighthouse = await book('The lighthouse');
    const first = await millrace.ingest(lighthouse);
    const twin = await millrace.ingest(await book('The lighthouse', 3, 'Another file'));
    const deleted = await millrace.ingest(await book('The shipwreck'));
    expect([first, twin, deleted].map(({ document }) => document.status)).toEqual(['ready', 'ready', 'ready']);
    const shape = await shapeOf('document_chunks');

    // Slow enough for something to happen meanwhile.
    provider.respondWith(async (request) => {
      await new Promise((resolve) => setTimeout(resolve, request.input.length > 1 ? 200 : 0));
      return 'ok' as const;
    });
    const statuses: number[] = [];
    const found: number[] = [];
    let searching = true;
    const searches = (async () => {
      while (searching) {
        const { status, body } = await millrace.call<{ hits: unknown[] }>('POST', '/api/v1/search', {
          query: 'The lighthouse goes on',
        });
        statuses.push(status);
        found.push(body.hits?.length ?? 0);
      }
    })();
    const command = reEmbed('start');
    await waitFor('the first new vectors', async () => command.output.includes('begun') && (await next()).n > 0);
    const uploaded = await millrace.upload(await book('The late arrival'));
    await millrace.call('DELETE', `/api/v1/documents/${deleted.document.id}`);
    const before = await storedTexts();
    const statusesBefore = await documents();
    const output = await succeed(command);
    expect(output).toContain('Done: all vectors are of next-model (256 dimensions).');
    const late = await millrace.endOf(uploaded.body.job.id);
    expect(late.status).toBe('completed');
    searching = false;
    await searches;

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(Math.min(...found)).toBeGreaterThan(0);
    expect(await modelsStored()).toEqual([{ model: 'next-model', dimensions, chunks: expect.any(Number) }]);
    const after = await storedTexts();
    expect(after).toEqual(
      expect.arrayContaining(before.filter(({ row }) => row.document_id !== uploaded.body.document.id)),
    );
    // None is paid for twice, though two documents have the same texts. Queries are.
    const texts = paid().filter((sent) => sent !== 'The lighthouse goes on');
    expect(new Set(texts).size).toBe(texts.length);
    expect(await shapeOf('document_chunks')).toEqual(shape);
    // No document was touched, and each still names the job that ingested it.
    expect(await documents()).toEqual(
      expect.arrayContaining(statusesBefore.filter((row) => row.id !== uploaded.body.document.id)),
    );
    expect((await millrace.document(first.document.id)).job_id).toBe(first.job.id);
    expect((await millrace.upload(lighthouse)).body.job).toMatchObject({
      id: first.job.id,
      kind: 'ingest',
    });
    const text = await textOf(uploaded.body.document.id);
    expect((await millrace.search(text))[0]).toMatchObject({ document_id: uploaded.body.document.id, text });
    expect(await succeed(reEmbed('status'))).toContain('The vectors are of next-model (256 dimensions).');
    const again = reEmbed('start');
    expect(await again.ended).toBe(1);
    expect(again.output).toContain('already');
  });

  test('When embedder and command are killed in the middle, then others finish it and no answered text is asked for again', async () => {
    await start({
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_MODEL: 'old-model',
      OPENAI_BASE_URL: provider.baseUrl,
      NEXT_EMBEDDING_PROVIDER: '',
      NEXT_EMBEDDING_DIMENSIONS: '',
      NEXT_OPENAI_BASE_URL: '',
    });
    await millrace.ingest(await book('The windmill', 4));
    await millrace.ingest(await book('The windmill', 4, 'Another file'));
    const before = await documents();
    const answered: string[] = [];
    let calls = 0;
    let hangs = true;
    provider.respondWith((request) => {
      if (request.model === 'next-model') {
        calls += 1;
        if (hangs && calls >= 2) {
          return { hang: true };
        }
        answered.push(...request.input);
      }
      return 'ok';
    });
    const command = reEmbed('start');
    await waitFor('the provider to hang', async () => calls >= 2);
    const embedder = millrace.stack.processes.find((candidate) => candidate.name === 'embedder');
    embedder?.kill('SIGKILL');
    command.kill('SIGKILL');
    await Promise.all([embedder?.ended, command.ended]);
    expect(await succeed(reEmbed('status'))).toMatch(
      /being changed to next-model \(768 dimensions\): \d+ of \d+ chunks/,
    );
    expect((await millrace.search('The windmill goes on')).length).toBeGreaterThan(0);

    hangs = false;
    await millrace.stack.add('embedder');
    expect(await succeed(reEmbed('start'))).toContain('goes on');
    expect(await modelsStored()).toEqual([{ model: 'next-model', dimensions: 768, chunks: expect.any(Number) }]);
    expect(answered.length).toBeGreaterThan(4);
    expect(new Set(answered).size).toBe(answered.length);
    expect(await documents()).toEqual(before);
    const texts = await database.sql.many('SELECT DISTINCT content FROM document_chunks');
    expect(answered.filter((sent) => sent !== probeText)).toHaveLength(texts.length);
  });

  test('When the provider rejects a text, then the old vectors stay, it is said which chunk it is, and a retry helps', async () => {
    await start();
    const { document } = await millrace.ingest(await book('The orchard'));
    await millrace.ingest(await book('The meadow'));
    provider.respondWith((request) =>
      request.input.some((text) => text.includes('The orchard, page 1.')) ? { status: 400 } : 'ok',
    );
    const command = reEmbed('start');
    expect(await command.ended).toBe(1);
    expect(command.output).toMatch(new RegExp(`job \\S+ of document ${document.id}: EMBEDDING_REJECTED`));
    const status = await succeed(reEmbed('status'));
    expect(status).toMatch(/1 chunks failed/);
    const jobId = /job (\S+) of/.exec(status)?.[1] ?? '';
    const failed = await millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?status=failed`);
    expect(failed.body.chunks).toMatchObject([{ page_end: 2, last_error_code: 'EMBEDDING_REJECTED', attempts: 1 }]);
    expect((await millrace.document(document.id)).status).toBe('ready');
    expect((await millrace.search('The orchard')).length).toBeGreaterThan(0);
    expect(await modelsStored()).toMatchObject([{ model: 'millrace-static-v1' }]);

    provider.respondWith(() => 'ok');
    expect((await millrace.call('POST', `/api/v1/jobs/${jobId}/chunks/retry`)).status).toBe(202);
    expect(await succeed(reEmbed('start'))).toContain('Done');
    expect(await modelsStored()).toMatchObject([{ model: 'next-model' }]);
    expect((await millrace.document(document.id)).status).toBe('ready');
    const text = await textOf(document.id);
    expect((await millrace.search(text))[0]).toMatchObject({ document_id: document.id, text });
  });

  test('When it is cancelled in the middle, then its jobs end, nothing of it is left and it can be begun again', async () => {
    await start();
    const { document } = await millrace.ingest(await book('The canal'));
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    provider.respondWith(async () => {
      await released;
      return 'ok' as const;
    });
    const command = reEmbed('start');
    await waitFor('a call to the provider', async () => provider.requests.length > 0);
    expect(await succeed(reEmbed('cancel'))).toContain('Cancelled: the change to next-model (256 dimensions).');
    expect(await command.ended).toBe(1);
    expect(command.output).toContain('The change has been cancelled.');
    await waitFor('its jobs to be cancelled', async () => {
      const jobs = await database.sql.many<{ status: string }>(`SELECT status FROM jobs WHERE kind = 're-embed'`);
      return jobs.length > 0 && jobs.every((job) => job.status === 'cancelled');
    });
    expect(await database.sql.one(`SELECT to_regclass('document_chunks_next') AS table`)).toEqual({ table: null });
    expect((await millrace.document(document.id)).status).toBe('ready');
    expect((await millrace.search('The canal')).length).toBeGreaterThan(0);
    release();
    expect(await succeed(reEmbed('start'))).toContain('Done');
  });
});
