import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { newId } from '@millrace/contracts';
import { Database } from '@millrace/database';
import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';
import { describeStandstill } from '../src/reEmbed/describe';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const program = join(__dirname, '..', 'dist', 'main.js');
const next = { NEXT_EMBEDDING_PROVIDER: 'openai', NEXT_EMBEDDING_MODEL: 'next-model', NEXT_EMBEDDING_DIMENSIONS: '64' };

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env.PATH,
  DATABASE_URL: testDatabase.url,
  ...more,
});

/** Runs the command line program as its users do. No service runs beside it. */
function reEmbed(args: string[], more: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { env: environment(more), cwd: __dirname };
    execFile(process.execPath, [program, 're-embed', ...args], options, (error, output, complaint) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: output + complaint });
    });
  });
}

async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const options = { poolMax: 1, connectTimeoutMs: 5_000, applicationName: 'test' };
  const database = new Database({ url: testDatabase.url, ...options });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

test('When nothing is being changed, then status and cancel say so', async () => {
  expect(await reEmbed(['status'])).toEqual({
    code: 0,
    output: 'The vectors are of millrace-static-v2 (768 dimensions).\nNothing is being changed.\n',
  });
  expect(await reEmbed(['cancel'])).toEqual({ code: 0, output: 'Nothing is being changed.\n' });
});

test('When no next model is configured, then start says what to set', async () => {
  const { code, output } = await reEmbed(['start']);
  expect([code, output]).toEqual([1, expect.stringContaining('NEXT_EMBEDDING_PROVIDER')]);
});

test('When the configured model is not the one in use, then start changes to it', async () => {
  const now = { EMBEDDING_PROVIDER: 'openai', EMBEDDING_MODEL: 'newer-model', EMBEDDING_DIMENSIONS: '64' };
  const { code, output } = await reEmbed(['start'], now);
  expect([code, output]).toEqual([0, expect.stringContaining('Done: all vectors are of newer-model (64 dimensions).')]);
  // And back, which is what the other tests begin with.
  expect(await reEmbed(['start'])).toMatchObject({ code: 0 });
  expect((await reEmbed(['status'])).output).toContain('The vectors are of millrace-static-v2 (768 dimensions).');
});

test('When it is interrupted, then it says how to go on; another model is refused until it is cancelled', async () => {
  await withDatabase(async (database) => {
    // A chunk that nobody embeds.
    await database.sql.none(
      `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, status)
       SELECT id, id, owner_id, 'a.pdf', repeat('0', 64), 'application/pdf', 1, 'ready' FROM collections`,
    );
    await database.sql.none(
      `INSERT INTO document_chunks (id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash,
         content, token_count, page_start, page_end)
       SELECT id, id, collection_id, owner_id, 0, 'a', 'a', 'text', 1, 1, 1 FROM documents`,
    );
    const child = spawn(process.execPath, [program, 're-embed', 'start'], { env: environment(next), cwd: __dirname });
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    const ended = once(child, 'exit');
    await waitFor('it to have begun', async () => said.includes('0 of 1 chunks (0%)'));
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(said).toContain('run "re-embed start" again');
    // Nobody is left to open what it may have closed.
    const models = await database.embeddingModels.find();
    expect(models.next).toMatchObject({ model: 'next-model', dimensions: 64, closing: false });
  });
  expect((await reEmbed(['status'])).output).toContain(
    'They are being changed to next-model (64 dimensions): 0 of 1 chunks (0%)',
  );
  const other = await reEmbed(['start'], { ...next, NEXT_EMBEDDING_MODEL: 'third-model' });
  expect(other).toMatchObject({ code: 1, output: expect.stringContaining('not third-model (64 dimensions)') });
  expect((await reEmbed(['cancel'])).output).toBe('Cancelled: the change to next-model (64 dimensions).\n');
});

test('When chunks have failed and few are missing, then start names their jobs, though another one is under way', async () => {
  await withDatabase(async (database) => {
    const columns = `document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash, content, token_count,
      page_start, page_end`;
    await database.sql.none(
      `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, status)
       SELECT gen_random_uuid(), id, owner_id, 'b.pdf', repeat('1', 64), 'application/pdf', 1, 'ready' FROM collections`,
    );
    await database.sql.none(
      `INSERT INTO document_chunks (id, ${columns})
       SELECT gen_random_uuid(), id, collection_id, owner_id, n, 'b' || n, 'b' || n, 'text', 1, 1, 1
       FROM documents, generate_series(1, 200) AS n WHERE filename = 'b.pdf'`,
    );
    const started = reEmbed(['start'], next);
    await waitFor('it to have begun', async () => (await database.embeddingModels.find()).next !== null);
    const failed = newId();
    await database.transaction(async ({ sql }) => {
      await sql.none(
        `INSERT INTO document_chunks_next (id, ${columns})
         SELECT id, ${columns} FROM document_chunks WHERE chunk_index NOT IN (7, 8)`,
      );
      await sql.none(
        `INSERT INTO jobs (id, document_id, kind, re_embedding_id, status, current_step, total_chunks, failed_chunks,
           max_retries, chunk_max_retries, error_code, error, queue_job_id, dispatch_count, finished_at)
         SELECT job.id, d.id, 're-embed', r.id, job.status, '', 1, job.failed, 0, 1, job.code, 'bad text', 'x', 1, job.at
         FROM documents d, re_embeddings r,
           (VALUES ($1::uuid, 'failed', 1, 'EMBEDDING_REJECTED', now()), ($2::uuid, 'processing', 0, NULL, NULL))
             AS job (id, status, failed, code, at)
         WHERE d.filename = 'b.pdf' AND r.status = 'running'`,
        [failed, newId()],
      );
    });
    const { code, output } = await started;
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(`job ${failed} of document .*: EMBEDDING_REJECTED: bad text`),
    ]);
  });
  expect(await reEmbed(['cancel'])).toMatchObject({ code: 0 });
});

test('When nothing moves and chunks have failed, then the hint names their jobs as well', () => {
  const job = { id: 'J', document_id: 'D', status: 'failed', error_code: 'EMBEDDING_REJECTED', error: 'bad text' };
  const progress = { chunks: 9, done: 1, openJobs: 0, failed: 1, failedJobs: [job] };
  expect(describeStandstill(progress)).toContain('job J of document D: EMBEDDING_REJECTED: bad text');
  expect(describeStandstill({ ...progress, failed: 0, failedJobs: [] })).not.toContain('job');
});

test.each([
  [[], 're-embed needs an action'],
  [['explode'], 're-embed explode is not understood'],
  [['start', 'now'], 're-embed start now is not understood'],
  [['status', '--workers', '1'], '--workers does not go with re-embed status'],
  [['start', '--memory', 'lots'], '--memory must be a size'],
  [['start', '--workers', '-1'], 'workers'],
  [['start', '--fast'], "'--fast'"],
])('When the line is %j, then it says what is wrong and how it goes', async (args, complaint) => {
  const { code, output } = await reEmbed(args, next);
  expect(code).toBe(2);
  expect(output).toContain(complaint);
  expect(output).toContain('re-embed start');
});
