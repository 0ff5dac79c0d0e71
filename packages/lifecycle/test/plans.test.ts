import { type Database, defaultCollectionId, firstAdminId, migrate, Workload } from '@millrace/database';
import { createTestDatabase, plainModel, type TestDatabase } from '@millrace/test-support';
import { Client } from 'pg';
import {
  beginReEmbedJobs,
  countOpenReEmbedChunks,
  countRetries,
  expireJobLeases,
  expireLeases,
  findDriftedJobs,
  pruneHistory,
} from '../src';
import { type Access, ExplainingDatabase } from './explaining';

const model = 'test-model';
const firstId = '00000000-0000-0000-0000-000000000000';
const id = (kind: number, n: number | string) => `00000000-0000-7000-${kind}000-${String(n).padStart(12, '0')}`;
const sqlId = (kind: number, n: string) => `('00000000-0000-7000-${kind}000-' || lpad((${n})::text, 12, '0'))::uuid`;

/**
 * 3,000 documents with 4 chunks and a job of 5 chunks each, so that reading a whole table costs more than an index. Nearly
 * all work is done, as in a database in use. The sweeps look for a few rows.
 */
const fill = `
  INSERT INTO collections (id, owner_id, name)
  VALUES ('${id(7, 1)}', '${firstAdminId}', 'small'), ('${id(7, 2)}', '${firstAdminId}', 'empty');
  INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, status, error_code, metadata, created_at)
  SELECT ${sqlId(1, 'n')}, CASE WHEN n <= 5 THEN '${id(7, 1)}'::uuid ELSE '00000000-0000-7000-8000-000000000001' END,
         '${id(7, 0)}', n || '.pdf', lpad(n::text, 64, '0'), 'application/pdf', 1,
         CASE WHEN n % 100 = 3 THEN 'failed' ELSE 'ready' END, CASE WHEN n % 100 = 3 THEN 'E' || n / 100 % 10 END,
         jsonb_build_object('number', n, 'language', CASE WHEN n % 7 > 0 THEN 'en' ELSE 'de' END),
         now() - n * interval '1 hour'
  FROM generate_series(1, 3000) AS n;
  INSERT INTO document_chunks (id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash, content,
    token_count, page_start, page_end, embedding, signature_a, embedding_model, created_at)
  SELECT ${sqlId(2, 'd * 4 + c')}, ${sqlId(1, 'd')},
         CASE WHEN d <= 5 THEN '${id(7, 1)}'::uuid ELSE '00000000-0000-7000-8000-000000000001' END, '${id(7, 0)}', c,
         c::text, d || '-' || c, 'Text number ' || d || ' of chunk ' || c || repeat(' and some more of it', 20), 5, 1, 1,
         vector, binary_quantize(vector) || binary_quantize(vector), '${model}', now() - d * interval '1 hour'
  FROM generate_series(1, 3000) AS d, generate_series(0, 3) AS c, LATERAL (
    SELECT ARRAY(SELECT sin(d * 12.9898 + c * 4.1 + i * 78.233) FROM generate_series(1, 8) AS i)::vector) AS made (vector);
  INSERT INTO jobs (id, document_id, collection_id, kind, status, current_step, total_chunks, processed_chunks, max_retries,
    chunk_max_retries, queue_job_id, dispatch_count, created_at, updated_at, finished_at, pruned_at, error_code,
    lease_token, lease_expires_at)
  SELECT ${sqlId(3, 'n')}, ${sqlId(1, 'n')}, CASE WHEN n <= 5 THEN '${id(7, 1)}'::uuid ELSE '${defaultCollectionId}' END, 'ingest', s.status, '', CASE WHEN n > 20 THEN 5 END, 5, 3, 3,
         'x', 1, now() - n * interval '1 hour', now() - n * interval '1 hour',
         CASE WHEN n > 20 THEN now() - n * interval '1 hour' END, CASE WHEN n > 1000 THEN now() END,
         CASE WHEN s.status = 'failed' THEN 'E' || n / 100 % 10 END,
         CASE WHEN s.status = 'chunking' THEN gen_random_uuid() END,
         CASE WHEN s.status = 'chunking' THEN now() - interval '1 hour' END
  FROM generate_series(1, 3000) AS n,
       LATERAL (SELECT CASE WHEN n % 100 = 23 THEN 'failed' WHEN n > 20 THEN 'completed' WHEN n > 10 THEN 'queued'
                            ELSE 'chunking' END AS status) AS s;
  INSERT INTO job_chunks (id, job_id, chunk_index, page_start, page_end, page_count, has_overlap, payload, chunk_hash,
    content_hash, status, max_retries, queue_job_id, dispatch_count, updated_at, lease_token, lease_expires_at, last_error_code)
  SELECT ${sqlId(4, 'j * 5 + c')}, ${sqlId(3, 'j')}, c, 1, 1, 1, false,
         CASE WHEN s.status <> 'success' THEN '{"text": "kept"}'::jsonb END, c::text, j || '-' || c, s.status, 3, 'x', 1,
         now() - j * interval '1 hour', CASE WHEN s.status = 'processing' THEN gen_random_uuid() END,
         CASE WHEN s.status = 'processing' THEN now() - interval '1 hour' END,
         CASE WHEN s.status = 'failed' THEN 'E' || j % 10 END
  FROM generate_series(1, 3000) AS j, generate_series(0, 4) AS c,
       LATERAL (SELECT CASE WHEN c > 0 OR j > 300 THEN 'success' WHEN j <= 20 THEN 'processing' WHEN j <= 40 THEN 'pending'
                            WHEN j <= 60 THEN 'retry_scheduled' ELSE 'failed' END AS status) AS s;`;

/** Every retry is of a job; the first three are by another actor. */
const fillActions = `
  INSERT INTO retry_groups (id, request, force, requested_at)
  SELECT ${sqlId(5, 'n')}, jsonb_build_object('job_id', ${sqlId(3, 'n')}), false, now() - n * interval '1 hour'
  FROM generate_series(1, 3000) AS n;
  INSERT INTO actions (id, kind, actor, requested_at, job_id, document_id, collection_id)
  SELECT ${sqlId(5, 'n')}, 'retry', CASE WHEN n <= 3 THEN 'cli:ada' ELSE 'api-key' END, now() - n * interval '1 hour',
    ${sqlId(3, 'n')}, ${sqlId(1, 'n')},
    CASE WHEN n > 2995 THEN '${id(7, 1)}'::uuid ELSE '${defaultCollectionId}' END
  FROM generate_series(1, 3000) AS n;`;

/** Looks at some documents of a re-embedding that has just begun. */
async function beginSomeReEmbedJobs(session: Database): Promise<void> {
  const next = { ...plainModel('next', 8), key: 'next' };
  const reEmbeddingId = id(9, 1);
  await session.sql.none('CREATE TABLE document_chunks_next (LIKE document_chunks INCLUDING ALL)');
  await session.sql.none(
    'INSERT INTO re_embeddings (id, model, dimensions) VALUES ($<reEmbeddingId>, $<model>, $<dimensions>)',
    { reEmbeddingId, ...next },
  );
  const limits = { documents: 20, chunks: 20, jobMaxRetries: 3, chunkMaxRetries: 3 };
  const options = { after: firstId, ...limits };
  const begun = await beginReEmbedJobs(session, { reEmbeddingId, closing: false, ...next }, options);
  expect(begun?.dispatches).toHaveLength(20);
}

/** Indexes that make filling slow. They are made again when all rows are there. */
const slowIndexes = ['document_chunks_embedding', 'document_chunks_fulltext'];

/** Tables that no statement may read completely. */
const large = ['documents', 'document_chunks', 'jobs', 'job_chunks', 'retry_groups', 'actions'];

async function fillQuickly(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ indexdef: string }>(
      'SELECT indexdef FROM pg_indexes WHERE indexname = ANY($1)',
      [slowIndexes],
    );
    await client.query(`DROP INDEX ${slowIndexes.join(', ')}`);
    // A VACUUM in between would change what an index-only scan costs, and so the planner's choice.
    for (const table of large) {
      await client.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
    }
    await client.query(fill + fillActions);
    for (const { indexdef } of rows) {
      await client.query(indexdef);
    }
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}

describe('The planner', () => {
  let testDatabase: TestDatabase;
  let database: ExplainingDatabase;
  beforeAll(async () => {
    testDatabase = await createTestDatabase({ empty: true });
    // The choice of index does not depend on dimensions, and 768 of them take a hundred times as long.
    const { url } = testDatabase;
    await migrate({ databaseUrl: url, direction: 'up', embedding: plainModel(model, 8) });
    await fillQuickly(url);
    database = await ExplainingDatabase.connect(url);
  });
  afterAll(async () => {
    await database?.close();
    await testDatabase?.drop();
  });

  const search = (filter: object) => (session: Database) =>
    session.documentChunks.search(
      Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      { embeddingModel: model, ...filter },
      { limit: 10 },
    );
  const statement = (text: string) => (session: Database) => session.sql.many(text);
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
  const firstPage = { after: null, limit: 21 };
  const laterPage = { after: { at: String(hoursAgo(77).getTime() * 1_000), id: firstId }, limit: 21 };
  const page = { after: firstId, olderThanMs: 1_000, limit: 100 };

  const cases: [what: string, index: string, work: (session: Database) => Promise<unknown>][] = [
    [
      'documents of some content are looked for',
      'documents_content_hash',
      statement(`SELECT id FROM documents WHERE content_hash = '${'7'.padStart(64, '0')}'`),
    ],
    [
      'a document of some content in its collection is looked for',
      'documents_content',
      (s) => s.documents.findByContent(id(7, 1), '1'.padStart(64, '0')),
    ],
    [
      'chunks that are embedded again are counted',
      'jobs_re_embedding',
      (s) =>
        countOpenReEmbedChunks(s, { ...plainModel('next', 8), key: 'next', reEmbeddingId: id(9, 1), closing: false }),
    ],
    ['documents with chunks to embed again are looked for', 'document_chunks_order', beginSomeReEmbedJobs],
    ['a document and its newest job are looked for', 'jobs_document', (s) => s.documents.find(id(1, 77))],
    ['the newest documents are listed', 'documents_created_at', (s) => s.documents.list({}, firstPage)],
    ['later documents are listed', 'documents_created_at', (s) => s.documents.list({}, laterPage)],
    [
      'ready documents are listed',
      'documents_created_at',
      (s) => s.documents.list({ statuses: ['ready'], createdAfter: hoursAgo(100) }, laterPage),
    ],
    [
      'documents of a time are listed',
      'documents_created_at',
      (s) => s.documents.list({ createdAfter: hoursAgo(90), createdBefore: hoursAgo(70) }, firstPage),
    ],
    [
      'documents of a small collection are listed',
      'documents_collection',
      (s) => s.documents.list({ collectionIds: [id(7, 1)] }, firstPage),
    ],
    [
      'documents of several collections are listed',
      'documents_collection',
      (s) => s.documents.list({ collectionIds: [id(7, 1), id(7, 2), defaultCollectionId] }, laterPage),
    ],
    [
      'jobs of several collections are listed',
      'jobs_collection',
      (s) => s.jobs.list({ collectionIds: [id(7, 1), id(7, 2), defaultCollectionId] }, laterPage),
    ],
    [
      'documents that failed are listed',
      'documents_not_ready',
      (s) => s.documents.list({ statuses: ['failed', 'partial'] }, firstPage),
    ],
    [
      'documents with an error code are listed',
      'documents_error_code',
      (s) => s.documents.list({ errorCodes: ['E3'] }, firstPage),
    ],
    ['documents are listed by file name', 'documents_filename', (s) => s.documents.list({ filename: '77' }, firstPage)],
    ['the newest jobs are listed', 'jobs_created_at', (s) => s.jobs.list({}, firstPage)],
    ['later jobs are listed', 'jobs_created_at', (s) => s.jobs.list({}, laterPage)],
    ['jobs that failed are listed', 'jobs_not_completed', (s) => s.jobs.list({ statuses: ['failed'] }, firstPage)],
    ['jobs with an error code are listed', 'jobs_error_code', (s) => s.jobs.list({ errorCodes: ['E3'] }, firstPage)],
    ['the jobs of a document are listed', 'jobs_document', (s) => s.jobs.list({ documentId: id(1, 77) }, firstPage)],
    [
      "the jobs of a document are listed with the document's collection",
      'jobs_document',
      (s) => s.jobs.list({ documentId: id(1, 77), collectionIds: [defaultCollectionId] }, firstPage),
    ],
    ['jobs are listed by file name', 'documents_filename', (s) => s.jobs.list({ filename: '77' }, firstPage)],
    [
      'jobs of a small collection are listed',
      'jobs_collection',
      (s) => s.jobs.list({ collectionIds: [id(7, 1)] }, firstPage),
    ],
    [
      'what failed today is listed',
      'jobs_finished',
      (s) => s.jobs.list({ statuses: ['failed', 'completed_with_errors'], finishedAfter: hoursAgo(24) }, firstPage),
    ],
    [
      'jobs that ended in an hour are listed',
      'jobs_finished',
      (s) => s.jobs.list({ finishedAfter: hoursAgo(78), finishedBefore: hoursAgo(77) }, firstPage),
    ],
    ['the newest retries are listed', 'retry_groups_requested_at', (s) => s.retryGroups.list({}, laterPage)],
    [
      'the retries of a job are listed',
      'retry_groups_request',
      (s) => s.retryGroups.list({ request: { job_id: id(3, 77) } }, firstPage),
    ],
    ['the retries of an actor are listed', 'actions_actor', (s) => s.retryGroups.list({ actor: 'cli:ada' }, firstPage)],
    ['the newest actions are listed', 'actions_requested_at', (s) => s.actions.list({}, laterPage)],
    ['the actions of an actor are listed', 'actions_actor', (s) => s.actions.list({ actor: 'cli:ada' }, firstPage)],
    [
      'the actions of several collections are listed',
      'actions_collection',
      (s) => s.actions.list({ collectionIds: [id(7, 1), id(7, 2)] }, firstPage),
    ],
    [
      'later actions of several collections are listed',
      'actions_collection',
      (s) => s.actions.list({ collectionIds: [id(7, 1), defaultCollectionId] }, laterPage),
    ],
    ['the actions of a job are listed', 'actions_job', (s) => s.actions.list({ jobId: id(3, 77) }, firstPage)],
    [
      'the actions of a document are listed',
      'actions_document',
      (s) => s.actions.list({ documentId: id(1, 77) }, firstPage),
    ],
    [
      'documents are looked for by metadata',
      'documents_metadata',
      statement(`SELECT id FROM documents WHERE metadata @> '{"number": 77}'`),
    ],
    [
      'the chunks of a document are listed',
      'document_chunks_order',
      (s) => s.documentChunks.list(id(1, 77), { after: 0, limit: 100 }),
    ],
    [
      'known vectors are looked for',
      'document_chunks_cache',
      (s) => s.documentChunks.findEmbeddings(['7-1', '8-2'], model),
    ],
    [
      'words are looked for',
      'document_chunks_fulltext',
      statement(
        `SELECT id FROM document_chunks WHERE to_tsvector('english', content) @@ to_tsquery('english', '2718')`,
      ),
    ],
    ['everything is searched', 'document_chunks_embedding', search({})],
    ['one document is searched', 'document_chunks_order', search({ documentId: id(1, 77) })],
    ['a small collection is searched', 'document_chunks_collection', search({ collectionIds: [id(7, 1)] })],
    [
      'documents with common metadata are searched',
      'document_chunks_embedding',
      search({ metadata: { language: 'en' } }),
    ],
    ['documents with some metadata are searched', 'documents_metadata', search({ metadata: { number: 77 } })],
    ["a job's chunks of one status are listed", 'job_chunks_job_status', (s) => s.jobs.countChunks(id(3, 77))],
    [
      "a job's chunks are listed in order",
      'job_chunks_job_id_chunk_index_key',
      (s) => s.jobChunks.list(id(3, 77), { after: 0, limit: 3 }),
    ],
    ["a document's missing chunks are listed", 'job_chunks_job_status', (s) => s.jobChunks.listMissing(id(1, 77), 3)],
    [
      "the place after a document's chunks is looked for",
      'jobs_document',
      (s) => s.jobChunks.findContinuation(id(1, 77), ['7-1']),
    ],
    [
      'failed chunks are counted by error code',
      'job_chunks_failed',
      (s) => countRetries(s, { errorCodes: ['E3'], failedAfter: new Date(Date.now() - 360_000_000), force: false }),
    ],
    ['chunks without a delivery are swept', 'job_chunks_waiting', (s) => s.jobChunks.listWaiting(page)],
    ['jobs without a delivery are swept', 'jobs_unfinished', (s) => s.jobs.listWaiting(page)],
    [
      'leases of chunks that are over are swept',
      'job_chunks_leases',
      (s) => expireLeases(s, { limit: 1_000 }, { backoffMs: 0 }),
    ],
    ['leases of jobs that are over are swept', 'jobs_unfinished', (s) => expireJobLeases(s, 1_000)],
    [
      'jobs that disagree with their chunks are swept',
      'jobs_unpruned',
      (s) => findDriftedJobs(s, { after: firstId, limit: 100, endedWithinMs: 600_000 }),
    ],
    [
      'old history is swept',
      'jobs_unpruned',
      (s) => pruneHistory(s, { olderThanMs: 720_000_000, after: null, jobs: 50, chunks: 1_000 }),
    ],
    [
      'texts that are kept too long are swept',
      'job_chunks_kept_payloads',
      (s) => s.jobChunks.removePayloads({ olderThanMs: 720_000_000, limit: 1_000 }),
    ],
  ];

  test.each(cases)(
    'When %s, then the planner uses %s and reads no large table completely',
    async (_what, index, work) => {
      const access: Access = await database.accessOf(work);
      expect(access.indexes).toContain(index);
      expect(access.scanned.filter((table) => large.includes(table))).toEqual([]);
    },
  );

  test('When work is counted for the metrics, then indexes count it, and of other rows only a bounded number is read', async () => {
    const access = await database.accessOf((session) => new Workload(session.sql).count());
    expect(access.indexes).toEqual(
      expect.arrayContaining(['documents_not_ready', 'jobs_not_completed', 'jobs_unfinished']),
    );
    expect(access.indexes).toContain('job_chunks_leases');
    // Below a LIMIT.
    const bounded = ['documents', 'document_chunks'];
    expect(access.scanned.filter((table) => large.includes(table) && !bounded.includes(table))).toEqual([]);
  });

  test('When a row is deleted, then rows that go or change with it are found by an index', async () => {
    await database.accessOf(async (session) => {
      const uncovered = await session.sql.many(
        `SELECT conrelid::regclass::text AS "table", conname FROM pg_constraint f
         WHERE contype = 'f' AND confdeltype <> 'a' AND NOT EXISTS (
           SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indpred IS NULL
             AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)`,
      );
      expect(uncovered).toEqual([]);
    });
  });
});
