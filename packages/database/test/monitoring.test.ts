import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';
import { Client } from 'pg';
import { type MonitoringResult, makeRoles, runMonitoring } from '../src';

describe('The monitoring queries', () => {
  let testDatabase: TestDatabase;
  let client: Client;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    client = new Client({ connectionString: testDatabase.url, application_name: 'watched' });
    await client.connect();
    await client.query(
      `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes)
       SELECT id, id, owner_id, 'a.pdf', repeat('0', 64), 'application/pdf', 1 FROM collections;
       INSERT INTO jobs (id, document_id, kind, current_step, max_retries, chunk_max_retries, queue_job_id,
         dispatch_count, created_at)
       SELECT id, id, 'ingest', 'waiting for a chunker', 3, 3, 'x', 1, now() - interval '2 hours' FROM documents`,
    );
  });
  afterAll(async () => {
    await client?.end();
    await testDatabase?.drop();
  });

  async function resultOf(name: string): Promise<MonitoringResult> {
    const result = (await runMonitoring({ databaseUrl: testDatabase.url })).find(
      (candidate) => candidate.name === name,
    );
    if (!result) {
      throw new Error(`there is no query ${name}`);
    }
    return result;
  }

  test('When the queries run, then each returns rows or names the extension that is missing', async () => {
    await client.query('DROP EXTENSION IF EXISTS pg_stat_statements, pgstattuple');
    const results = await runMonitoring({ databaseUrl: testDatabase.url });
    const files = readdirSync(join(__dirname, '..', 'monitoring'));
    expect(results.map((result) => `${result.name}.sql`).sort()).toEqual(files.sort());
    expect(results.filter((result) => result.refusal).map(({ name, refusal, rows }) => [name, refusal, rows])).toEqual([
      ['bloat', 'this database does not have the extension pgstattuple', []],
      ['slow-statements', 'this database does not have the extension pg_stat_statements', []],
    ]);
    for (const result of results) {
      expect(result.title).toMatch(/^[A-Z][a-z ]+: /);
    }
  });

  test('When a job is unfinished, then the job and its age are shown', async () => {
    const { rows } = await resultOf('unfinished-jobs');
    expect(rows).toMatchObject([
      { status: 'queued', jobs: '1', oldest: expect.stringMatching(/^02:0/), its_step: 'waiting for a chunker' },
    ]);
  });

  test('When the queries run, then tables, indexes, cache and connections are those of this database', async () => {
    const named = async (query: string, column: string) => (await resultOf(query)).rows.map((row) => row[column]);
    expect(await named('tables', 'table')).toContain('document_chunks');
    expect(await named('cache', 'table')).toContain('document_chunks');
    const { rows: indexes } = await resultOf('indexes');
    expect(indexes).toContainEqual(
      expect.objectContaining({ index: 'document_chunks_embedding', kind: 'hnsw', state: '' }),
    );
    expect((await resultOf('connections')).rows).toContainEqual(
      expect.objectContaining({ application: 'watched', state: 'idle', connections: '1', waiting_for_locks: '0' }),
    );
  });

  test('When a vector index is being built, then its progress is shown', async () => {
    const other = new Client({ connectionString: testDatabase.url });
    await other.connect();
    try {
      // A concurrent build waits for transactions that began before it, so it can be observed.
      await client.query('BEGIN; LOCK TABLE document_chunks IN ROW EXCLUSIVE MODE');
      const build = other.query(
        'CREATE INDEX CONCURRENTLY second_index ON document_chunks USING hnsw (embedding vector_cosine_ops)',
      );
      const rows = await waitFor('the build to appear', async () => {
        const result = await resultOf('index-builds');
        return result.rows.length > 0 && result.rows;
      });
      expect(rows).toMatchObject([
        {
          table: 'document_chunks',
          command: 'CREATE INDEX CONCURRENTLY',
          phase: expect.stringContaining('waiting for writers'),
        },
      ]);
      await client.query('COMMIT');
      await build;
    } finally {
      await other.end();
    }
    expect((await resultOf('index-builds')).rows).toEqual([]);
  });

  test('When the server has pgstattuple, then the bloat of a table with deleted rows is shown', async () => {
    await client.query('CREATE EXTENSION pgstattuple');
    await client.query(
      `CREATE TABLE shrunk AS SELECT n, repeat('x', 100) AS filling FROM generate_series(1, 30000) AS n;
       DELETE FROM shrunk WHERE n % 10 <> 0`,
    );
    const { rows, refusal } = await resultOf('bloat');
    expect(refusal).toBeNull();
    expect(Number(rows.find((row) => row.name === 'shrunk')?.bloat_percent)).toBeGreaterThan(60);
  });

  test('When the read-only role runs the queries, then it sees its rows, and the reason for those it may not see', async () => {
    await client.query('CREATE EXTENSION IF NOT EXISTS pgstattuple');
    const readonly = 'readonly-password-1';
    const { names } = await makeRoles({ databaseUrl: testDatabase.url, passwords: { readonly } });
    const url = new URL(testDatabase.url);
    url.username = names.readonly;
    url.password = readonly;
    const results = await runMonitoring({ databaseUrl: url.toString() });
    expect(results.find((result) => result.name === 'tables')?.rows.length).toBeGreaterThan(5);
    expect(results.find((result) => result.name === 'bloat')?.refusal).toMatch(/permission denied/);
  });
});
