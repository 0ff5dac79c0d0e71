import type { DocumentStatus, JobChunkStatus, JobStatus } from '@millrace/contracts';
import type { Database } from '@millrace/database';

/** All that the lifecycle decides about a chunk, as it stands in the rows or as the model has it. */
export interface ChunkState {
  id: string;
  jobId: string;
  status: JobChunkStatus;
  attempts: number;
  maxRetries: number;
  dispatches: number;
  errorCode: string | null;
  /** Its next attempt lies ahead. */
  isPutOff: boolean;
  hasText: boolean;
  token: string | null;
  leaseIsOver: boolean;
  /** Rows in chunk_attempts. */
  recorded: number;
  /** Rows in document_chunks. */
  stored: number;
}

/** The same about a job and its document. */
export interface JobState {
  id: string;
  documentId: string;
  status: JobStatus;
  documentStatus: DocumentStatus;
  total: number | null;
  processed: number;
  failed: number;
  rounds: number;
  maxRounds: number;
  chunkMaxRetries: number;
  attempts: number;
  dispatches: number;
  errorCode: string | null;
  token: string | null;
  leaseIsOver: boolean;
  hasOriginal: boolean;
  failedPages: number;
  /** Rows in document_chunks. */
  stored: number;
  /** In the order of their ids. */
  chunks: ChunkState[];
}

/** What stands in the rows at one moment. */
export interface Snapshot {
  /** All jobs there are, in the order of their ids. */
  jobs: JobState[];
  /** Ids of those with a time at which they ended. */
  finished: Set<string>;
  /** By chunk: when its rows were last touched, for those that are a success. */
  successes: Map<string, string>;
}

type JobRow = Omit<JobState, 'chunks'> & { finished: boolean; chunks: (ChunkState & { touched: string })[] };

/** Reads everything in one statement, so that it is of one moment. */
export async function takeSnapshot(database: Database): Promise<Snapshot> {
  const rows = await database.sql.many<JobRow>(
    `SELECT j.id, j.document_id AS "documentId", j.status, d.status AS "documentStatus", j.total_chunks AS total,
       j.processed_chunks AS processed, j.failed_chunks AS failed, j.retry_count AS rounds,
       j.max_retries AS "maxRounds", j.chunk_max_retries AS "chunkMaxRetries", j.attempts,
       j.dispatch_count AS dispatches, j.error_code AS "errorCode", j.lease_token AS token,
       j.lease_expires_at IS NOT NULL AND j.lease_expires_at < now() AS "leaseIsOver",
       d.source_path IS NOT NULL AS "hasOriginal", j.finished_at IS NOT NULL AS finished,
       (SELECT count(*) FROM document_pages p WHERE p.document_id = d.id AND outcome = 'failed')::integer AS "failedPages",
       (SELECT count(*) FROM document_chunks s WHERE s.document_id = d.id)::integer AS stored,
       coalesce((
         SELECT json_agg(json_build_object(
           'id', c.id, 'jobId', c.job_id, 'status', c.status, 'attempts', c.attempts, 'maxRetries', c.max_retries,
           'dispatches', c.dispatch_count, 'errorCode', c.last_error_code, 'hasText', c.payload IS NOT NULL,
           'isPutOff', c.next_attempt_at IS NOT NULL AND c.next_attempt_at > now(),
           'token', c.lease_token,
           'leaseIsOver', c.lease_expires_at IS NOT NULL AND c.lease_expires_at < now(),
           'recorded', (SELECT count(*) FROM chunk_attempts a WHERE a.job_chunk_id = c.id),
           'stored', s.count, 'touched', concat_ws(' ', c.updated_at, s.touched)) ORDER BY c.id)
         FROM job_chunks c, LATERAL (
           SELECT count(*), max(concat_ws(' ', id, updated_at)) AS touched FROM document_chunks
           WHERE document_id = j.document_id AND chunk_hash = c.chunk_hash) AS s
         WHERE c.job_id = j.id), '[]') AS chunks
     FROM jobs j JOIN documents d ON d.id = j.document_id ORDER BY j.id`,
  );
  const successes = rows.flatMap((job) => job.chunks).filter((chunk) => chunk.status === 'success');
  return {
    jobs: rows.map(({ finished: _, ...job }) => ({
      ...job,
      chunks: job.chunks.map(({ touched: _, ...chunk }) => chunk),
    })),
    finished: new Set(rows.filter((job) => job.finished).map((job) => job.id)),
    successes: new Map(successes.map((chunk) => [chunk.id, chunk.touched])),
  };
}
