import type { JobKind, JobStatus } from '@millrace/contracts';
import type { Sql } from '../sql';

export interface JobRow {
  id: string;
  document_id: string;
  kind: JobKind;
  status: JobStatus;
  current_step: string;
  total_chunks: number | null;
  processed_chunks: number;
  failed_chunks: number;
  retry_count: number;
  max_retries: number;
  chunk_max_retries: number;
  error_code: string | null;
  error: string | null;
  attempts: number;
  lease_expires_at: Date | null;
  dispatch_count: number;
  queue_job_id: string;
  created_at: Date;
  updated_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

export type NewJob = Pick<JobRow, 'id' | 'document_id' | 'kind' | 'max_retries' | 'chunk_max_retries'>;

const columns = `id, document_id, kind, status, current_step, total_chunks, processed_chunks, failed_chunks,
  retry_count, max_retries, chunk_max_retries, error_code, error, attempts, lease_expires_at, dispatch_count,
  queue_job_id, created_at, updated_at, started_at, finished_at`;

export class Jobs {
  constructor(private readonly sql: Sql) {}

  /** Inserts a queued job whose first delivery is named in the row. */
  async insert(job: NewJob): Promise<void> {
    await this.sql.none(
      `INSERT INTO jobs (id, document_id, kind, current_step, max_retries, chunk_max_retries, dispatch_count, queue_job_id)
       VALUES ($<id>, $<document_id>, $<kind>, 'waiting for a chunker', $<max_retries>, $<chunk_max_retries>, 1, $<id> || '.1')`,
      job,
    );
  }

  find(id: string): Promise<JobRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM jobs WHERE id = $1`, [id]);
  }
}
