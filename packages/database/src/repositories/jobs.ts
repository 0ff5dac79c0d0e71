import type { JobChunkStatus, JobKind, JobStatus, ReadingOptions } from '@millrace/contracts';
import type { Sql } from '../connection/sql';
import type { WaitingRow } from './jobChunks';

export interface JobRow {
  id: string;
  documentId: string;
  kind: JobKind;
  status: JobStatus;
  currentStep: string;
  totalChunks: number | null;
  processedChunks: number;
  failedChunks: number;
  retryCount: number;
  maxRetries: number;
  chunkMaxRetries: number;
  errorCode: string | null;
  error: string | null;
  attempts: number;
  leaseExpiresAt: Date | null;
  dispatchCount: number;
  queueJobId: string;
  createdAt: Date;
  updatedAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export type NewJob = Pick<JobRow, 'id' | 'documentId' | 'kind' | 'maxRetries' | 'chunkMaxRetries'> & {
  reading: ReadingOptions;
};

/** The delivery that a job's row names. */
export interface JobDelivery {
  jobId: string;
  documentId: string;
  queueJobId: string;
}

const columns = `id, document_id AS "documentId", kind, status, current_step AS "currentStep",
  total_chunks AS "totalChunks", processed_chunks AS "processedChunks", failed_chunks AS "failedChunks",
  retry_count AS "retryCount", max_retries AS "maxRetries", chunk_max_retries AS "chunkMaxRetries",
  error_code AS "errorCode", error, attempts, lease_expires_at AS "leaseExpiresAt", dispatch_count AS "dispatchCount",
  queue_job_id AS "queueJobId", created_at AS "createdAt", updated_at AS "updatedAt", started_at AS "startedAt",
  finished_at AS "finishedAt"`;

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
       VALUES ($<id>, $<documentId>, $<kind>, 'waiting for a chunker', $<maxRetries>, $<chunkMaxRetries>,
         $<reading>::jsonb, 1, $<id> || '.1')`,
      { ...job, reading: JSON.stringify(job.reading) },
    );
  }

  /** Inserts a queued job that reads the document's failed pages again, with the settings of its ingest job. */
  insertReread(job: { id: string; documentId: string; retryGroupId: string }): Promise<JobDelivery> {
    return this.sql.one(
      `INSERT INTO jobs (id, document_id, kind, current_step, max_retries, chunk_max_retries, reading, dispatch_count,
         queue_job_id, retry_group_id)
       SELECT $<id>::uuid, document_id, 'reread', 'waiting to read failed pages again', max_retries, chunk_max_retries,
         reading, 1, $<id> || '.1', $<retryGroupId>::uuid
       FROM jobs WHERE document_id = $<documentId> AND kind = 'ingest' ORDER BY created_at DESC, id DESC LIMIT 1
       RETURNING id AS "jobId", document_id AS "documentId", queue_job_id AS "queueJobId"`,
      job,
    );
  }

  find(id: string): Promise<JobRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM jobs WHERE id = $1`, [id]);
  }

  /**
   * How many of the job's chunks have each status. Successes and failures come from the job's counters, which change in the
   * same transactions. So a request for a job of a hundred thousand chunks does not count them all.
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
      `SELECT id, 'documents' AS queue, queue_job_id AS "queueJobId", dispatch_count AS "dispatchCount" FROM jobs
       WHERE status = 'queued' AND id > $<after> AND updated_at NOT BETWEEN now() - $<olderThanMs> * interval '1 millisecond' AND now()
       ORDER BY id LIMIT $<limit>`,
      options,
    );
  }
}
