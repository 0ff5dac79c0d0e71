import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { newId } from '@millrace/contracts';
import { createTestDatabase, type TestDatabase, unitVector, waitFor } from '@millrace/test-support';
import { newDocument, newDocumentChunk } from '@millrace/test-support/lifecycle';
import { Client } from 'pg';
import {
  checkSetup,
  defaultCollectionId,
  firstAdminId,
  hasTables,
  migrationNames,
  removeSchema,
  type Sql,
} from '../src';
import { embedding, runMigrations, withDatabase } from './migrating';

async function tablesIn(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'pgmigrations' ORDER BY 1`,
    );
    return rows.map((row) => row.name);
  } finally {
    await client.end();
  }
}

describe('Migrations', () => {
  let testDatabase: TestDatabase;
  beforeEach(async () => {
    testDatabase = await createTestDatabase({ empty: true });
  });
  afterEach(() => testDatabase.drop());

  const run = (direction: 'up' | 'down', changes?: Parameters<typeof runMigrations>[2]) =>
    runMigrations(testDatabase.url, direction, changes);

  test('When they run up, down and up again, then the tables are the same, and down leaves none', async () => {
    expect(await run('up')).toEqual(migrationNames());
    const tables = await tablesIn(testDatabase.url);
    expect(tables).toEqual([
      'actions',
      'api_keys',
      'chunk_attempts',
      'collection_counts',
      'collection_days',
      'collection_members',
      'collections',
      'document_chunks',
      'document_pages',
      'documents',
      'embedding_claims',
      'embedding_settings',
      'group_members',
      'groups',
      'idempotency_keys',
      'job_chunks',
      'jobs',
      'provider_pauses',
      're_embeddings',
      'refresh_tokens',
      'retry_groups',
      'sessions',
      'sign_ins',
      'signing_keys',
      'user_identities',
      'users',
      'vector_signatures',
    ]);

    expect(await run('down')).toEqual(migrationNames().toReversed());
    expect(await tablesIn(testDatabase.url)).toEqual([]);

    expect(await run('up')).toEqual(migrationNames());
    expect(await tablesIn(testDatabase.url)).toEqual(tables);
  });

  test('When they have run, then running up again does nothing', async () => {
    await run('up');
    expect(await run('up')).toEqual([]);
  });

  test('When one is undone, then it is the newest', async () => {
    await run('up');
    expect(await run('down', { count: 1 })).toEqual([migrationNames().at(-1)]);
    expect(await tablesIn(testDatabase.url)).toContain('jobs');
  });

  test('When the migration for more repairs is undone, then each repair becomes the nearest earlier one', async () => {
    await run('up');
    await withDatabase(testDatabase.url, ({ sql }) =>
      sql.none(
        `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, repair)
         SELECT gen_random_uuid(), $<collection>, $<owner>, repair, repeat(n::text, 64), 'application/pdf', 1, repair
         FROM unnest(ARRAY['XREF_REBUILT', 'TRAILER_REBUILT', 'PAGES_REBUILT', 'REWRITTEN']) WITH ORDINALITY AS r (repair, n)`,
        { collection: defaultCollectionId, owner: firstAdminId },
      ),
    );
    await run('down', { count: migrationNames().length - migrationNames().indexOf('0008_repairs') });
    await withDatabase(testDatabase.url, async ({ sql }) => {
      const rows = await sql.many<{ repair: string | null }>('SELECT repair FROM documents ORDER BY content_hash');
      expect(rows.map((row) => row.repair)).toEqual([null, 'TRAILER_REBUILT', 'PAGES_REBUILT', 'PAGES_REBUILT']);
    });
  });

  test('When failed pages are being read again, then a job of its own goes on with that, and undoing it loses no chunk', async () => {
    const before = migrationNames().indexOf('0013_reread-jobs');
    await run('up', { count: before });
    const [documentId, jobId] = [newId(), newId()];
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await sql.none(
        `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, status)
         VALUES ($<documentId>, $<collection>, $<owner>, 'a.pdf', repeat('1', 64), 'application/pdf', 1, 'processing')`,
        { documentId, collection: defaultCollectionId, owner: firstAdminId },
      );
      await sql.none(
        `INSERT INTO jobs (id, document_id, kind, status, current_step, total_chunks, processed_chunks, max_retries,
           chunk_max_retries, attempts, worker, lease_token, lease_expires_at, queue_job_id, dispatch_count)
         VALUES ($<jobId>, $<documentId>, 'ingest', 'chunking', 'reading', 1, 1, 3, 2, 1, 'old', gen_random_uuid(), now(),
           $<jobId> || '.2', 2)`,
        { jobId, documentId },
      );
      await insertChunk(sql, jobId, 0, 'success');
    });
    const jobs = ({ sql }: { sql: Sql }) =>
      sql.many<{ id: string; kind: string }>(
        `SELECT j.id, kind, j.status, total_chunks AS total, lease_token AS token, (SELECT count(*)::integer FROM job_chunks c
           WHERE c.job_id = j.id) AS chunks FROM jobs j ORDER BY kind`,
      );
    await run('up');
    await withDatabase(testDatabase.url, async (database) => {
      const found = await jobs(database);
      expect(found).toMatchObject([
        { id: jobId, kind: 'ingest', status: 'completed_with_errors', total: 1, token: null, chunks: 1 },
        { kind: 'reread', status: 'queued', total: null, chunks: 0 },
      ]);
      const rereadId = found[1]?.id ?? '';
      await insertChunk(database.sql, rereadId, 1, 'pending');
      await database.sql.none(`UPDATE jobs SET status = 'processing', total_chunks = 1 WHERE id = $1`, [rereadId]);
    });
    await run('down', { count: migrationNames().length - before });
    await withDatabase(testDatabase.url, async (database) => {
      expect(await jobs(database)).toMatchObject([
        { id: jobId, kind: 'ingest', status: 'processing', total: 2, chunks: 2 },
      ]);
    });
  });

  test('When the migrations since 0018 are undone on chunks of a model with a context, then its name is another one, and the chunks are found', async () => {
    await run('up', { embedding: { ...embedding, context: 'headings' } });
    const modelKey = await withDatabase(testDatabase.url, async (database) => {
      const { key } = await database.embeddingModels.active();
      expect(key).toMatch(/^test-model~/);
      const document = newDocument();
      await database.documents.insertIfNew(document);
      const chunk = newDocumentChunk({
        documentId: document.id,
        chunkIndex: 1,
        embeddingModel: key,
        embeddingHash: 'a',
      });
      await database.transaction(({ documentChunks }) => documentChunks.upsertAll([chunk]));
      return key;
    });
    await run('down', { count: migrationNames().length - migrationNames().indexOf('0018_chunk-metadata') });
    await withDatabase(testDatabase.url, async ({ sql }) => {
      const rows = await sql.many(
        'SELECT model FROM embedding_settings JOIN document_chunks ON embedding_model = model',
      );
      expect(rows).toEqual([{ model: modelKey }]);
    });
    await run('up');
    await withDatabase(testDatabase.url, async (database) => {
      const { key: embeddingModel } = await database.embeddingModels.active();
      const found = await database.read(({ documentChunks }) =>
        documentChunks.search(unitVector(1), { embeddingModel }, { limit: 1 }),
      );
      expect(found).toMatchObject([{ content: 'Text 1' }]);
    });
  });

  test('When a re-embedding is under way, then migrations wait for its end, and running none is no fault', async () => {
    await run('up', { count: migrationNames().length - 1 });
    const start = () => withDatabase(testDatabase.url, ({ sql }) => sql.none('CREATE TABLE document_chunks_next ()'));
    await start();
    await expect(run('up')).rejects.toMatchObject({ code: 'SETUP_INVALID' });
    await withDatabase(testDatabase.url, ({ sql }) => sql.none('DROP TABLE document_chunks_next'));
    expect(await run('up')).toEqual([migrationNames().at(-1)]);
    await start();
    expect(await run('up')).toEqual([]);
  });

  test('When they have run, then services of the version before find every column that they read', async () => {
    await run('up');
    await withDatabase(testDatabase.url, ({ sql }) =>
      expect(sql.many('SELECT j.priority FROM jobs j')).resolves.toEqual([]),
    );
  });

  test('When a service of the version before queues a job that has chunks, then the database refuses it', async () => {
    await run('up');
    const [documentId, jobId] = [newId(), newId()];
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await sql.none(
        `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, status)
         VALUES ($<documentId>, $<collection>, $<owner>, 'a.pdf', repeat('1', 64), 'application/pdf', 1, 'partial')`,
        { documentId, collection: defaultCollectionId, owner: firstAdminId },
      );
      await sql.none(
        `INSERT INTO jobs (id, document_id, kind, status, current_step, total_chunks, processed_chunks, max_retries,
           chunk_max_retries, queue_job_id, dispatch_count)
         VALUES ($<jobId>, $<documentId>, 'ingest', 'completed_with_errors', 'ended', 1, 1, 3, 2, $<jobId> || '.1', 1)`,
        { jobId, documentId },
      );
      const queue = sql.none(`UPDATE jobs SET status = 'queued' WHERE id = $1`, [jobId]);
      await expect(queue).rejects.toThrow(/jobs_unread_check/);
    });
  });

  test('When jobs come to have collections, then each gets that of its document, also from a service of the version before', async () => {
    const insert = (sql: Sql, collectionId: string) => {
      const document = newDocument({ collectionId });
      return sql.none(
        `INSERT INTO collections (id, owner_id, name) VALUES ($<collectionId>, $<owner>, $<collectionId>);
         INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes)
         VALUES ($<id>, $<collectionId>, $<owner>, 'a.pdf', repeat('1', 64), 'application/pdf', 1);
         INSERT INTO jobs (id, document_id, kind, current_step, max_retries, chunk_max_retries, queue_job_id, dispatch_count)
         VALUES ($<id>, $<id>, 'ingest', 'waiting', 3, 2, 'x', 1)`,
        { ...document, owner: firstAdminId },
      );
    };
    const collections = ({ sql }: { sql: Sql }) =>
      sql.many(`SELECT FROM jobs j JOIN documents d ON d.id = j.document_id WHERE j.collection_id = d.collection_id`);
    await run('up', { count: migrationNames().indexOf('0031_job-collections') });
    await withDatabase(testDatabase.url, async (database) => {
      await insert(database.sql, newId());
      await run('up');
      expect(await collections(database)).toHaveLength(1);
      await insert(database.sql, newId());
      expect(await collections(database)).toHaveLength(2);
    });
  });

  test('When two runs start at once, then one does the work and the other finds it done', async () => {
    const results = await Promise.all([run('up'), run('up')]);
    expect(results.map((names) => names.length).sort()).toEqual([0, migrationNames().length]);
  });

  test('When a run is killed half-way through a migration, then nothing of it stays, and the next run does all of it', async () => {
    await run('up', { count: 3 });
    const before = await tablesIn(testDatabase.url);
    const [reader, watcher] = [1, 2].map(() => new Client({ connectionString: testDatabase.url })) as [Client, Client];
    for (const client of [reader, watcher]) {
      // Dropping the database ends this connection, which must not end the process.
      client.on('error', () => undefined);
      await client.connect();
    }
    try {
      // The run makes some changes and then waits for a table that this transaction reads.
      await reader.query('BEGIN; SELECT FROM job_chunks');
      const program = spawn(process.execPath, [join(__dirname, '../dist/migrate.js'), 'up'], {
        env: { PATH: process.env.PATH, DATABASE_URL: testDatabase.url },
        stdio: 'ignore',
      });
      const ended = once(program, 'exit');
      const migrating = () =>
        watcher.query(`SELECT wait_event_type AS waits FROM pg_stat_activity
                       WHERE application_name = 'millrace-migrate' AND datname = current_database()`);
      await waitFor('the migration to be half-way', async () => (await migrating()).rows[0]?.waits === 'Lock');
      program.kill('SIGKILL');
      await ended;
      await reader.query('COMMIT');
      await waitFor('the server to end the session', async () => (await migrating()).rowCount === 0);

      expect(await tablesIn(testDatabase.url)).toEqual(before);
      const { rows } = await watcher.query('SELECT name FROM pgmigrations ORDER BY name');
      expect(rows.map((row) => row.name)).toEqual(migrationNames().slice(0, 3));
      expect(await run('up')).toEqual(migrationNames().slice(3));
      await withDatabase(testDatabase.url, ({ sql }) => checkSetup(sql, embedding));
    } finally {
      await Promise.all([reader.end(), watcher.end()]);
    }
  });

  test('When another transaction locks a table for too long, then the run fails and leaves nothing, and the next run succeeds', async () => {
    await run('up', { count: 3 });
    const reader = new Client({ connectionString: testDatabase.url });
    await reader.connect();
    try {
      await reader.query('BEGIN; SELECT FROM documents; SELECT FROM jobs; SELECT FROM document_pages');
      await expect(run('up', { lockTimeoutMs: 100 })).rejects.toThrow(/lock timeout/);
      expect((await reader.query('SELECT FROM pgmigrations')).rowCount).toBe(3);
      await reader.query('COMMIT');
      expect(await run('up')).toEqual(migrationNames().slice(3));
    } finally {
      await reader.end();
    }
  });

  test('When the server ends the connection, then the run reports it and leaves nothing', async () => {
    await run('up', { count: 3 });
    const reader = new Client({ connectionString: testDatabase.url });
    const watcher = new Client({ connectionString: testDatabase.url });
    await Promise.all([reader.connect(), watcher.connect()]);
    try {
      await reader.query('BEGIN; SELECT FROM documents; SELECT FROM jobs; SELECT FROM document_pages');
      const outcome = expect(run('up')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace-migrate'
                   AND datname = current_database() AND wait_event_type = 'Lock'`;
      await waitFor('the migration to be half-way', async () => (await watcher.query(end)).rowCount === 1);
      await outcome;
      expect((await watcher.query('SELECT FROM pgmigrations')).rowCount).toBe(3);
    } finally {
      await Promise.all([reader.end(), watcher.end()]);
    }
  });

  test('When one of several migrations fails, then none of them stays, and the next run does them all', async () => {
    await run('up', { count: 3 });
    const client = new Client({ connectionString: testDatabase.url });
    await client.connect();
    try {
      // This makes the second statement of the fifth migration fail.
      await client.query(`ALTER TABLE document_pages RENAME CONSTRAINT document_pages_outcome_check TO another_name`);
      await expect(run('up')).rejects.toThrow(/document_pages_outcome_check/);
      const { rows } = await client.query(
        `SELECT FROM pg_attribute WHERE attrelid = 'jobs'::regclass AND attname = 'reading'`,
      );
      expect(rows).toEqual([]);
      await client.query(`ALTER TABLE document_pages RENAME CONSTRAINT another_name TO document_pages_outcome_check`);
      expect(await run('up')).toEqual(migrationNames().slice(3));
    } finally {
      await client.end();
    }
  });

  test('When the schema is removed, then the database is as before the first migration', async () => {
    await run('up');
    expect(await hasTables({ databaseUrl: testDatabase.url })).toBe(true);
    await removeSchema({ databaseUrl: testDatabase.url, embedding });
    expect(await hasTables({ databaseUrl: testDatabase.url })).toBe(false);
    expect(await run('up')).toEqual(migrationNames());
  });
});

async function insertChunk(sql: Sql, jobId: string, index: number, status: string): Promise<void> {
  const id = newId();
  await sql.none(
    `INSERT INTO job_chunks (id, job_id, chunk_index, page_start, page_end, page_count, has_overlap, chunk_hash,
       content_hash, status, max_retries, queue_job_id, dispatch_count)
     VALUES ($<id>, $<jobId>, $<index>, 1, 1, 1, false, $<id>, 'hash', $<status>, 2, $<id> || '.1', 1)`,
    { id, jobId, index, status },
  );
}
