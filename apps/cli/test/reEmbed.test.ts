import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { newId } from '@millrace/contracts';
import { Database, ReEmbedding } from '@millrace/database';
import { createTestDatabase, plainModel, type TestDatabase, waitFor } from '@millrace/test-support';
import { describeStandstill } from '../src/reEmbedding/describe';
import { cleanUp, failUsage, makeContext } from './helpers';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(async () => {
  await testDatabase?.drop();
  cleanUp();
});

const program = join(__dirname, '..', 'dist', 'main.js');
const next = { NEXT_EMBEDDING_PROVIDER: 'openai', NEXT_EMBEDDING_MODEL: 'next-model', NEXT_EMBEDDING_DIMENSIONS: '64' };

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env.PATH,
  DATABASE_URL: testDatabase.url,
  EMBEDDING_CONTEXT: 'none',
  ...more,
});

const nextModel = plainModel('next-model', 64);

/** A running `re-embed ACTION`. */
class Running {
  printed = '';
  readonly ended: Promise<[number | null, string]>;
  private readonly child;

  constructor(action: 'start' | 'cancel') {
    this.child = spawn(process.execPath, [program, 're-embed', action], { env: environment(next), cwd: __dirname });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => {
        this.printed += data;
      });
    }
    this.ended = once(this.child, 'close').then(([code]) => [code, this.printed]);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Adds a document with chunks that no service embeds. */
async function addChunks(database: Database, count: number): Promise<void> {
  await database.sql.none(
    `WITH document AS (
       INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, status)
       SELECT gen_random_uuid(), id, owner_id, 'a.pdf', md5(random()::text) || md5(random()::text), 'application/pdf', 1, 'ready'
       FROM collections RETURNING *)
     INSERT INTO document_chunks (id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash,
       content, token_count, page_start, page_end)
     SELECT gen_random_uuid(), id, collection_id, owner_id, i, i, i, 'text', 1, 1, 1
     FROM document, generate_series(1, $1::integer) AS i`,
    [count],
  );
}

/** Stores missing new vectors, as the embedders do. */
function addVectors(database: Database, count: number): Promise<void> {
  const columns = `id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash, content, token_count,
                   page_start, page_end`;
  return database.sql.none(
    `INSERT INTO document_chunks_next (${columns}) SELECT ${columns} FROM document_chunks
     WHERE id NOT IN (SELECT id FROM document_chunks_next) LIMIT $1`,
    [count],
  );
}

async function isClosing(database: Database): Promise<boolean> {
  return (await database.embeddingModels.find()).next?.closing ?? false;
}

/** Runs the compiled program in a process. No service runs. */
function reEmbed(args: string[], more: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { env: environment(more), cwd: __dirname };
    execFile(process.execPath, [program, 're-embed', ...args], options, (error, output, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: output + errors });
    });
  });
}

async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const options = { poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' };
  const database = new Database({ url: testDatabase.url, ...options });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

test('When no re-embedding is running, then status and cancel say so', async () => {
  expect(await reEmbed(['status'])).toEqual({
    code: 0,
    output: 'The vectors are of millrace-static-v2 (768 dimensions).\nNo re-embedding is running.\n',
  });
  expect(await reEmbed(['cancel'])).toEqual({ code: 0, output: 'No re-embedding is running.\n' });
});

test('When no next model is configured, then start says which variables to set', async () => {
  const { code, output } = await reEmbed(['start']);
  expect([code, output]).toEqual([1, expect.stringContaining('NEXT_EMBEDDING_PROVIDER')]);
});

test('When the configured model is not the current one, then start changes to it', async () => {
  const now = { EMBEDDING_PROVIDER: 'openai', EMBEDDING_MODEL: 'newer-model', EMBEDDING_DIMENSIONS: '64' };
  const { code, output } = await reEmbed(['start'], now);
  expect([code, output]).toEqual([0, expect.stringContaining('Done: all vectors are of newer-model (64 dimensions).')]);
  // Back again, because the other tests begin with this model.
  expect(await reEmbed(['start'])).toMatchObject({ code: 0 });
  expect((await reEmbed(['status'])).output).toContain('The vectors are of millrace-static-v2 (768 dimensions).');
});

test('When start is interrupted, then it says how to go on, and another model is refused until cancel', async () => {
  await withDatabase(async (database) => {
    await addChunks(database, 1);
    const start = new Running('start');
    await waitFor('it to have begun', async () => start.printed.includes('0 of 1 chunks (0%)'));
    start.kill('SIGINT');
    expect(await start.ended).toEqual([130, expect.stringContaining('run "re-embed start" again')]);
    // No process would open it again.
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

describe('The last chunks', () => {
  beforeEach(async () => {
    await testDatabase.drop();
    testDatabase = await createTestDatabase();
  });

  const prepare = (database: Database) => new ReEmbedding(database, { databaseUrl: testDatabase.url }).begin(nextModel);

  /** Begins a re-embedding of which one vector of a hundred is missing. Uploads may wait for so few. */
  async function prepareAllButOne(database: Database): Promise<void> {
    await prepare(database);
    await addChunks(database, 100);
    await addVectors(database, 99);
  }

  test('When many chunks came while the indexes were built, then uploads do not wait for them', async () => {
    await withDatabase(async (database) => {
      await prepare(database);
      let start: Running | undefined;
      // A transaction that writes to the table blocks the build of its indexes.
      await withDatabase((other) =>
        other.transaction(async ({ sql }) => {
          await sql.none('LOCK TABLE document_chunks_next IN ROW EXCLUSIVE MODE');
          start = new Running('start');
          await waitFor('it to build', async () => start?.printed.includes('Building the indexes.') ?? false);
          await addChunks(database, 1);
        }),
      );
      await waitFor('it to look again', async () => start?.printed.includes('0 of 1 chunks (0%)') ?? false);
      const closed = await database.sql.many('SELECT FROM re_embeddings WHERE closing_until IS NOT NULL');
      expect(closed).toEqual([]);
      await addVectors(database, 1);
      expect(await start?.ended).toEqual([0, expect.stringContaining('Done: all vectors are of next-model')]);
    });
  });

  test('When two programs wait for the last vectors, then one makes the change and both say that it is done', async () => {
    await withDatabase(async (database) => {
      await prepareAllButOne(database);
      const first = new Running('start');
      await waitFor('the first to close', () => isClosing(database));
      first.kill('SIGSTOP');
      await database.sql.none('UPDATE re_embeddings SET closing_until = NULL');
      const second = new Running('start');
      await waitFor('the second to close', () => isClosing(database));
      first.kill('SIGCONT');
      await addVectors(database, 1);
      const done = [0, expect.stringContaining('Done: all vectors are of next-model')];
      expect(await Promise.all([first.ended, second.ended])).toEqual([done, done]);
      expect(await database.embeddingModels.find()).toMatchObject({ active: nextModel, next: null });
      expect(await database.sql.many('SELECT FROM document_chunks')).toHaveLength(100);
    });
  });

  test('When an index is made while uploads wait, then the new vectors get it too before the change', async () => {
    await withDatabase(async (database) => {
      await prepareAllButOne(database);
      const start = new Running('start');
      await waitFor('it to close', () => isClosing(database));
      await database.sql.none('CREATE INDEX chunk_lengths ON document_chunks (token_count)');
      await addVectors(database, 1);
      expect(await start.ended).toEqual([0, expect.stringContaining('Done: all vectors are of next-model')]);
      const indexes = `SELECT FROM pg_indexes WHERE tablename = 'document_chunks' AND indexname = 'chunk_lengths'`;
      expect(await database.sql.many(indexes)).toHaveLength(1);
    });
  });

  test('When start is killed while uploads wait, then they wait half a minute at most and the next start completes', async () => {
    await withDatabase(async (database) => {
      await prepareAllButOne(database);
      const killed = new Running('start');
      await waitFor('it to close', () => isClosing(database));
      killed.kill('SIGKILL');
      await killed.ended;
      const { ends } = await database.sql.one<{ ends: boolean }>(
        `SELECT closing_until < now() + interval '30 seconds' AS ends FROM re_embeddings`,
      );
      expect(ends).toBe(true);
      await addVectors(database, 1);
      expect(await new Running('start').ended).toEqual([
        0,
        expect.stringContaining('Done: all vectors are of next-model'),
      ]);
    });
  });

  test('When a session reads the new vectors for long, then cancel names the session that it waits for', async () => {
    await withDatabase(async (database) => {
      await prepare(database);
      const cancel = await database.transaction(async ({ sql }) => {
        await sql.many('SELECT FROM document_chunks_next');
        const waiting = new Running('cancel');
        await waitFor('it to name the session', async () =>
          waiting.printed.includes('SELECT FROM document_chunks_next'),
        );
        return waiting;
      });
      expect(await cancel.ended).toEqual([0, expect.stringContaining('Cancelled: the change to next-model')]);
    });
  });
});

test('When chunks have failed and few are left, then start names their jobs although another job is running', async () => {
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

test('When there is no progress and chunks have failed, then the hint names their jobs', () => {
  const job = { id: 'J', documentId: 'D', status: 'failed', errorCode: 'EMBEDDING_REJECTED', error: 'bad text' };
  const progress = { chunks: 9, done: 1, openJobs: 0, failed: 1, failedJobs: [job] };
  expect(describeStandstill(progress)).toContain('job J of document D: EMBEDDING_REJECTED: bad text');
  expect(describeStandstill({ ...progress, failed: 0, failedJobs: [] })).not.toContain('job');
});

test.each([
  [[], 'Commands:'],
  [['explode'], "unknown command 'explode'"],
  [['start', 'now'], 'too many arguments'],
  [['status', '--workers', '1'], "unknown option '--workers'"],
  [['start', '--memory', 'lots'], 'It must be a size such as 512MB or 4GB.'],
  [['start', '--workers', '-1'], 'It must be a whole number from 0 to 64.'],
  [['start', '--fast'], "unknown option '--fast'"],
])('When the arguments are %j, then the error and the usage are printed', async (args, message) => {
  const printed = await failUsage(makeContext(), 're-embed', ...args);
  expect(printed).toContain(message);
  expect(printed).toContain('Usage: millrace re-embed');
});
