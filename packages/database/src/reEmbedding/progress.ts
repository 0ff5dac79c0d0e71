import type { Sql } from '../connection/sql';

/** How far a re-embedding has come. */
export interface ReEmbeddingProgress {
  /** Chunks that have a vector in use, and how many of them have a new one. */
  chunks: number;
  done: number;
  /** Jobs that are under way. */
  openJobs: number;
  /** Chunks that have failed or were cancelled, and that nobody works on any more. */
  failed: number;
  /** The jobs that ended with those, the first ten. */
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

/** Chunks never lose their new vector but together with the one in use, so that counting both tells what is missing. */
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
