import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Database } from '@millrace/database';
import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';

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
