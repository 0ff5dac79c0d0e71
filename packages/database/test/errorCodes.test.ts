import { newId } from '@millrace/contracts';
import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { defaultCollectionId, firstAdminId, migrationNames, type Sql } from '../src';
import { runMigrations, withDatabase } from './migrating';

/** Each old code and its new one. The last two do not change: one is only for PDFs, the other is for chunks. */
const codes = [
  ['PDF_NO_TEXT', 'DOCUMENT_NO_TEXT'],
  ['PDF_TOO_MANY_PAGES', 'DOCUMENT_TOO_MANY_PAGES'],
  ['PDF_TIMEOUT', 'DOCUMENT_TIMEOUT'],
  ['PDF_OPEN_TIMEOUT', 'DOCUMENT_OPEN_TIMEOUT'],
  ['PDF_UNREADABLE', 'DOCUMENT_UNREADABLE'],
  ['TEXT_TOO_LARGE', 'DOCUMENT_TOO_LARGE'],
  ['PARSER_LOST', 'READER_LOST'],
  ['PDF_ENCRYPTED', 'PDF_ENCRYPTED'],
  ['EMBEDDING_REJECTED', 'EMBEDDING_REJECTED'],
] as const;
const oldCodes = codes.map(([old]) => old).sort();
const newCodes = codes.map(([, renamed]) => renamed).sort();

let testDatabase: TestDatabase;
beforeEach(async () => {
  testDatabase = await createTestDatabase({ empty: true });
});
afterEach(() => testDatabase.drop());

/** Stores a failed document with a page, a job, a chunk and an attempt, all with the same code. */
async function insertFailed(sql: Sql, code: string): Promise<void> {
  const [documentId, jobId, chunkId] = [newId(), newId(), newId()];
  const values = { documentId, jobId, chunkId, code, collection: defaultCollectionId, owner: firstAdminId };
  await sql.none(
    `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, status, error_code)
     VALUES ($<documentId>, $<collection>, $<owner>, 'a.pdf', md5($<code>) || md5($<code>), 'application/pdf', 1, 'failed', $<code>)`,
    values,
  );
  await sql.none(
    `INSERT INTO document_pages (document_id, page, width, height, outcome, characters, error_code)
     VALUES ($<documentId>, 1, 10, 10, 'failed', 0, $<code>)`,
    values,
  );
  await sql.none(
    `INSERT INTO jobs (id, document_id, kind, status, current_step, max_retries, chunk_max_retries, queue_job_id,
       dispatch_count, error_code, finished_at)
     VALUES ($<jobId>, $<documentId>, 'ingest', 'failed', 'failed', 3, 2, $<jobId> || '.1', 1, $<code>, now())`,
    values,
  );
  await sql.none(
    `INSERT INTO job_chunks (id, job_id, chunk_index, page_start, page_end, page_count, has_overlap, chunk_hash,
       content_hash, status, max_retries, queue_job_id, dispatch_count, last_error_code)
     VALUES ($<chunkId>, $<jobId>, 0, 1, 1, 1, false, 'hash', 'hash', 'failed', 2, $<chunkId> || '.1', 1, $<code>)`,
    values,
  );
  await sql.none(
    `INSERT INTO chunk_attempts (job_chunk_id, attempt, round, worker, outcome, error_code, started_at, finished_at)
     VALUES ($<chunkId>, 1, 0, 'worker', 'failed', $<code>, now(), now())`,
    values,
  );
}

/** The codes in each table, sorted. */
function storedCodes(): Promise<Record<string, string[]>> {
  return withDatabase(testDatabase.url, async ({ sql }) => {
    const columns = {
      documents: 'error_code',
      document_pages: 'error_code',
      jobs: 'error_code',
      job_chunks: 'last_error_code',
      chunk_attempts: 'error_code',
    };
    const found: Record<string, string[]> = {};
    for (const [table, column] of Object.entries(columns)) {
      const rows = await sql.many<{ code: string }>(`SELECT ${column} AS code FROM ${table}`);
      found[table] = rows.map((row) => row.code).sort();
    }
    return found;
  });
}

test('When error codes get neutral names, then stored codes of reading are renamed, and undoing it restores them', async () => {
  const before = migrationNames().indexOf('0014_neutral-error-codes');
  await runMigrations(testDatabase.url, 'up', { count: before });
  await withDatabase(testDatabase.url, async ({ sql }) => {
    for (const [old] of codes) {
      await insertFailed(sql, old);
    }
  });
  const stored = await storedCodes();
  expect(stored).toEqual({
    documents: oldCodes,
    document_pages: oldCodes,
    jobs: oldCodes,
    job_chunks: oldCodes,
    chunk_attempts: oldCodes,
  });

  await runMigrations(testDatabase.url, 'up', { count: 1 });
  // Chunks and their attempts never have a code of reading, so the migration does not scan these large tables.
  expect(await storedCodes()).toEqual({
    documents: newCodes,
    document_pages: newCodes,
    jobs: newCodes,
    job_chunks: oldCodes,
    chunk_attempts: oldCodes,
  });

  await runMigrations(testDatabase.url, 'down', { count: 1 });
  expect(await storedCodes()).toEqual(stored);
});
