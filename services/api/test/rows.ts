import type { Database } from '@millrace/database';
import type { ChunkedDocument } from '@millrace/test-support/lifecycle';

/** Reads the job chunks and the document chunks of a job, in reading order. */
export async function rowsOf(database: Database, { jobId, documentId }: ChunkedDocument) {
  return {
    chunks: await database.sql.many('SELECT * FROM job_chunks WHERE job_id = $1 ORDER BY chunk_index', [jobId]),
    stored: await database.sql.many('SELECT * FROM document_chunks WHERE document_id = $1 ORDER BY chunk_index', [
      documentId,
    ]),
  };
}

/** Reads every table that a retry could change. */
export async function everything(database: Database): Promise<unknown[]> {
  const tables = ['documents', 'jobs', 'job_chunks', 'chunk_attempts', 'document_chunks', 'retry_groups'];
  return Promise.all(tables.map((table) => database.sql.many(`SELECT * FROM ${table} ORDER BY 1, 2`)));
}
