import type { DocumentStatus, JobChunkStatus, JobKind, JobStatus } from '@millrace/contracts';
import type { Database } from '@millrace/database';

/** What the lifecycle decides about a chunk, as its rows or the model have it. */
export interface ChunkState {
  id: string;
  jobId: string;
  status: JobChunkStatus;
  attempts: number;
  maxRetries: number;
  dispatches: number;
  errorCode: string | null;
  /** Its next attempt is in the future. */
  isPutOff: boolean;
  hasText: boolean;
  token: string | null;
  leaseIsOver: boolean;
  /** Rows in chunk_attempts. */
  recorded: number;
  /** Rows in document_chunks. */
  stored: number;
}

/** The same about a job. */
export interface JobState {
  id: string;
  documentId: string;
  kind: JobKind;
  status: JobStatus;
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
  /** In the order of their ids. */
  chunks: ChunkState[];
}

/** The same about a document. */
export interface DocumentState {
  id: string;
  status: DocumentStatus;
  errorCode: string | null;
  hasOriginal: boolean;
  failedPages: number;
  /** Rows in document_chunks. */
  stored: number;
}

/** All rows at one moment. */
export interface Snapshot {
  /** In the order of their ids. */
  documents: DocumentState[];
  /** In the order of their ids. */
  jobs: JobState[];
  /** The ids of the jobs that have an end time. */
  finished: Set<string>;
  /** For each chunk that is a success, when its rows were last changed. */
  successes: Map<string, string>;
}

type JobRow = Omit<JobState, 'chunks'> & { finished: boolean; chunks: (ChunkState & { touched: string })[] };

/** Reads everything in one statement, so that it is of one moment. */
export async function takeSnapshot(database: Database): Promise<Snapshot> {
  const { jobs, documents } = await database.sql.one<{ jobs: JobRow[]; documents: DocumentState[] }>(
    `SELECT coalesce((SELECT json_agg(d ORDER BY d.id) FROM (
       SELECT d.id, d.status, d.error_code AS "errorCode", d.source_path IS NOT NULL AS "hasOriginal",
         (SELECT count(*) FROM document_pages p WHERE p.document_id = d.id AND outcome = 'failed')::integer AS "failedPages",
         (SELECT count(*) FROM document_chunks s WHERE s.document_id = d.id)::integer AS stored
       FROM documents d) AS d), '[]') AS documents,
     coalesce((SELECT json_agg(j ORDER BY j.id) FROM (
       SELECT j.id, j.document_id AS "documentId", j.kind, j.status, j.total_chunks AS total,
         j.processed_chunks AS processed, j.failed_chunks AS failed, j.retry_count AS rounds,
         j.max_retries AS "maxRounds", j.chunk_max_retries AS "chunkMaxRetries", j.attempts,
         j.dispatch_count AS dispatches, j.error_code AS "errorCode", j.lease_token AS token,
         j.lease_expires_at IS NOT NULL AND j.lease_expires_at < now() AS "leaseIsOver",
         j.finished_at IS NOT NULL AS finished,
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
       FROM jobs j) AS j), '[]') AS jobs`,
  );
  const successes = jobs.flatMap((job) => job.chunks).filter((chunk) => chunk.status === 'success');
  return {
    documents,
    jobs: jobs.map(({ finished: _, ...job }) => ({
      ...job,
      chunks: job.chunks.map(({ touched: _, ...chunk }) => chunk),
    })),
    finished: new Set(jobs.filter((job) => job.finished).map((job) => job.id)),
    successes: new Map(successes.map((chunk) => [chunk.id, chunk.touched])),
  };
}
