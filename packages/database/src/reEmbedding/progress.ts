import type { Sql } from '../connection/sql';

/** The progress of a re-embedding. */
export interface ReEmbeddingProgress {
  /** Chunks that are searched. */
  chunks: number;
  /** Chunks that have a new vector. */
  done: number;
  /** Jobs that have not ended. */
  openJobs: number;
  /** Chunks of ended jobs that failed or were cancelled. */
  failed: number;
  /** The first ten jobs with such chunks. */
  failedJobs: FailedReEmbedJob[];
}

export interface FailedReEmbedJob {
  id: string;
  documentId: string;
  status: string;
  errorCode: string | null;
  error: string | null;
}

const namedJobs = 10;

/** Returns the progress. A chunk loses its new vector only together with its current one, so two counts show what is missing. */
export async function findReEmbeddingProgress(sql: Sql, reEmbeddingId: string): Promise<ReEmbeddingProgress> {
  const counts = await sql.one<Omit<ReEmbeddingProgress, 'failedJobs'>>(
    `SELECT (SELECT count(*) FROM document_chunks)::float8 AS chunks,
            (SELECT count(*) FROM document_chunks_next)::float8 AS done,
            (count(*) FILTER (WHERE finished_at IS NULL))::integer AS "openJobs",
            coalesce(sum(total_chunks - processed_chunks) FILTER (WHERE ${hasFailed}), 0)::float8 AS failed
     FROM jobs WHERE re_embedding_id = $1`,
    [reEmbeddingId],
  );
  const failedJobs = await sql.many<FailedReEmbedJob>(
    `SELECT id, document_id AS "documentId", status, error_code AS "errorCode", error FROM jobs
     WHERE re_embedding_id = $<reEmbeddingId> AND ${hasFailed} ORDER BY id LIMIT $<namedJobs>`,
    { reEmbeddingId, namedJobs },
  );
  return { ...counts, failedJobs };
}

const hasFailed = `status IN ('completed_with_errors', 'failed', 'cancelled')`;
