import type { JobChunkStatus, JobKind, JobStatus, ReadingOptions } from '@millrace/contracts';
import type { Sql } from '../connection/sql';
import type { WaitingRow } from './jobChunks';

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

export type NewJob = Pick<JobRow, 'id' | 'document_id' | 'kind' | 'max_retries' | 'chunk_max_retries'> & {
  reading: ReadingOptions;
};

const columns = `id, document_id, kind, status, current_step, total_chunks, processed_chunks, failed_chunks,
  retry_count, max_retries, chunk_max_retries, error_code, error, attempts, lease_expires_at, dispatch_count,
  queue_job_id, created_at, updated_at, started_at, finished_at`;

type UnsettledStatus = 'processing' | 'retry_scheduled' | 'cancelled';

const countOf = (status: UnsettledStatus) =>
  `(SELECT count(*)::integer FROM job_chunks c WHERE c.job_id = j.id AND c.status = '${status}') AS ${status}`;

export class Jobs {
  constructor(private readonly sql: Sql) {}

  /** Inserts a queued job whose first delivery is named in the row. */
  async insert(job: NewJob): Promise<void> {
    await this.sql.none(
      `INSERT INTO jobs (id, document_id, kind, current_step, max_retries, chunk_max_retries, reading, dispatch_count,
         queue_job_id)
       VALUES ($<id>, $<document_id>, $<kind>, 'waiting for a chunker', $<max_retries>, $<chunk_max_retries>,
         $<reading>::jsonb, 1, $<id> || '.1')`,
      { ...job, reading: JSON.stringify(job.reading) },
    );
  }

  find(id: string): Promise<JobRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM jobs WHERE id = $1`, [id]);
  }

  /**
   * How many of the job's chunks stand in each status. Successes and failures come from the job's counters, which change
   * in the same transactions, so that a job of a hundred thousand chunks is not counted anew for everybody who asks.
   */
  async countChunks(id: string): Promise<Partial<Record<JobChunkStatus, number>>> {
    const row = await this.sql.oneOrNone<Record<'total' | 'success' | 'failed' | UnsettledStatus, number>>(
      `SELECT coalesce(j.total_chunks, 0) AS total, j.processed_chunks AS success, j.failed_chunks AS failed,
              ${countOf('processing')}, ${countOf('retry_scheduled')}, ${countOf('cancelled')}
       FROM jobs j WHERE j.id = $1`,
      [id],
    );
    if (!row) {
      return {};
    }
    const { total, ...counts } = row;
    const pending = total - Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { ...counts, pending };
  }

  /** Up to `limit` queued jobs that have waited for their delivery longer than `olderThanMs`, after this id, by id. */
  listWaiting(options: { after: string; olderThanMs: number; limit: number }): Promise<WaitingRow[]> {
    return this.sql.many(
      `SELECT id, queue_job_id AS "queueJobId", dispatch_count AS "dispatchCount" FROM jobs
       WHERE status = 'queued' AND id > $<after> AND updated_at NOT BETWEEN now() - $<olderThanMs> * interval '1 millisecond' AND now()
       ORDER BY id LIMIT $<limit>`,
      options,
    );
  }
}
