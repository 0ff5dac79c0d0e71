import type { ChunkPayload, JobChunkStatus, QueueName } from '@millrace/contracts';
import { encodeCopy } from '../connection/binaryCopy';
import type { Sql } from '../connection/sql';
import { isNotBeingDeleted } from './deletingCollections';

export interface JobChunkRow {
  id: string;
  chunkIndex: number;
  pageStart: number;
  pageEnd: number;
  pageCount: number;
  hasOverlap: boolean;
  storageUrl: string | null;
  status: JobChunkStatus;
  attempts: number;
  maxRetries: number;
  lastErrorCode: string | null;
  lastError: string | null;
  /** Details of the attempt that succeeded, or null. */
  result: Record<string, unknown> | null;
  queueJobId: string;
  leaseExpiresAt: Date | null;
  nextAttemptAt: Date | null;
  processedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** One chunk with everything that is known about its attempts. */
export interface JobChunkDetailRow extends JobChunkRow {
  jobId: string;
  worker: string | null;
  startedAt: Date | null;
  chunkHash: string;
  contentHash: string;
  retryGroupId: string | null;
}

/** A row that waits for its delivery. */
export interface WaitingRow {
  id: string;
  queue: QueueName;
  queueJobId: string;
  dispatchCount: number;
}

export interface NewJobChunk {
  id: string;
  chunkIndex: number;
  pageStart: number;
  pageEnd: number;
  hasOverlap: boolean;
  payload: ChunkPayload;
  chunkHash: string;
  contentHash: string;
}

/** The values that all chunks of one job share. */
export interface ChunkOrigin {
  jobId: string;
  maxRetries: number;
  /** The operator's retry that made or restarted the job, or null. */
  retryGroupId: string | null;
}

const columns = `id, chunk_index AS "chunkIndex", page_start AS "pageStart", page_end AS "pageEnd",
  page_count AS "pageCount", has_overlap AS "hasOverlap", storage_url AS "storageUrl", status, attempts, result_json AS result,
  max_retries AS "maxRetries", last_error_code AS "lastErrorCode", last_error AS "lastError",
  queue_job_id AS "queueJobId", lease_expires_at AS "leaseExpiresAt", next_attempt_at AS "nextAttemptAt",
  processed_at AS "processedAt", created_at AS "createdAt", updated_at AS "updatedAt"`;

const detailColumns = `${columns}, job_id AS "jobId", worker, started_at AS "startedAt", chunk_hash AS "chunkHash",
  content_hash AS "contentHash", retry_group_id AS "retryGroupId"`;

/** SQL: the queue for the chunks of job `j`, a ChunkQueueName. */
export const chunkQueueOfJob = `CASE j.kind WHEN 're-embed' THEN 'reembed-chunks' ELSE 'chunks' END`;

export class JobChunks {
  constructor(private readonly sql: Sql) {}

  /** Inserts all chunks of a job, pending, each with its first delivery named in the row. Runs in a transaction. */
  async insertAll(chunks: readonly NewJobChunk[], { jobId, maxRetries, retryGroupId }: ChunkOrigin): Promise<void> {
    const rows = chunks.map((chunk) => [
      chunk.id,
      jobId,
      chunk.chunkIndex,
      chunk.pageStart,
      chunk.pageEnd,
      chunk.pageEnd - chunk.pageStart + 1,
      chunk.hasOverlap,
      chunk.payload,
      chunk.chunkHash,
      chunk.contentHash,
      maxRetries,
      retryGroupId,
      1,
      `${chunk.id}.1`,
    ]);
    await this.sql.copyIn(
      `COPY job_chunks (id, job_id, chunk_index, page_start, page_end, page_count, has_overlap, payload, chunk_hash,
         content_hash, max_retries, retry_group_id, dispatch_count, queue_job_id) FROM STDIN (FORMAT binary)`,
      encodeCopy(
        [
          'uuid',
          'uuid',
          'int4',
          'int4',
          'int4',
          'int4',
          'bool',
          'jsonb',
          'text',
          'text',
          'int4',
          'uuid',
          'int4',
          'text',
        ],
        rows,
      ),
    );
  }

  /** Returns the given chunks that are still held under this lease. */
  async findHeld(ids: readonly string[], token: string): Promise<Set<string>> {
    const rows = await this.sql.many<{ id: string }>(
      `SELECT id FROM job_chunks WHERE id = ANY($<ids>::uuid[]) AND status = 'processing' AND lease_token = $<token>`,
      { ids, token },
    );
    return new Set(rows.map((row) => row.id));
  }

  /** Returns the given chunks that exist and are in no collection that is being deleted, in no particular order. */
  findAll(ids: readonly string[]): Promise<JobChunkRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM job_chunks
       WHERE id = ANY($1::uuid[]) AND ${isNotBeingDeleted('(SELECT j.collection_id FROM jobs j WHERE j.id = job_chunks.job_id)')}`,
      [ids],
    );
  }

  /** The chunk, if it is one of the job's. */
  find(jobId: string, id: string): Promise<JobChunkDetailRow | null> {
    return this.sql.oneOrNone(
      `SELECT ${detailColumns} FROM job_chunks
       WHERE id = $<id> AND job_id = $<jobId>`,
      { jobId, id },
    );
  }

  /** Up to `limit` chunks after chunk index `after`, in order, of one status and error code or of all. */
  list(
    jobId: string,
    options: { after: number; limit: number; status?: JobChunkStatus | undefined; errorCode?: string | undefined },
  ): Promise<JobChunkRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM job_chunks
       WHERE job_id = $<jobId> AND chunk_index > $<after> AND ($<status> IS NULL OR status = $<status>)
         AND ($<errorCode> IS NULL OR last_error_code = $<errorCode>)
       ORDER BY chunk_index LIMIT $<limit>`,
      {
        jobId,
        after: options.after,
        limit: options.limit,
        status: options.status ?? null,
        errorCode: options.errorCode ?? null,
      },
    );
  }

  /**
   * Returns where further chunks of a document continue after those of its ingest and reread jobs: the next chunk index, and
   * how often each of these texts has occurred. Chunks that were pruned from the history of a job are stored.
   */
  async findContinuation(
    documentId: string,
    contentHashes: readonly string[],
  ): Promise<{ next: number; occurrences: Map<string, number> }> {
    const { next } = await this.sql.one<{ next: number }>(
      `SELECT coalesce(max(last) + 1, 0) AS next FROM (
         SELECT max(chunk_index) AS last FROM document_chunks WHERE document_id = $1
         UNION ALL
         SELECT max(c.chunk_index) FROM jobs j JOIN job_chunks c ON c.job_id = j.id
         WHERE j.document_id = $1 AND j.kind IN ('ingest', 'reread')) AS used`,
      [documentId],
    );
    const rows = await this.sql.many<{ hash: string; count: number }>(
      `SELECT content_hash AS hash, count(DISTINCT chunk_hash)::integer AS count FROM (
         SELECT content_hash, chunk_hash FROM document_chunks
         WHERE document_id = $<documentId> AND content_hash = ANY($<contentHashes>::text[])
         UNION ALL
         SELECT c.content_hash, c.chunk_hash FROM jobs j JOIN job_chunks c ON c.job_id = j.id
         WHERE j.document_id = $<documentId> AND j.kind IN ('ingest', 'reread')
           AND c.content_hash = ANY($<contentHashes>::text[])) AS used
       GROUP BY content_hash`,
      { documentId, contentHashes },
    );
    return { next, occurrences: new Map(rows.map(({ hash, count }) => [hash, count])) };
  }

  /**
   * Up to `limit` chunks of the document's ingest and reread jobs that are failed or cancelled, in reading order, and how
   * many there are.
   */
  async listMissing(documentId: string, limit: number): Promise<{ count: number; chunks: JobChunkRow[] }> {
    const rows = await this.sql.many<JobChunkRow & { count: number }>(
      `SELECT ${columns}, (count(*) OVER ())::integer AS count FROM job_chunks
       WHERE job_id IN (SELECT j.id FROM jobs j WHERE j.document_id = $<documentId> AND j.kind IN ('ingest', 'reread'))
         AND status IN ('failed', 'cancelled')
       ORDER BY chunk_index LIMIT $<limit>`,
      { documentId, limit },
    );
    return { count: rows[0]?.count ?? 0, chunks: rows };
  }

  /** How many of the job's failed chunks have which error code, the commonest first. */
  countByErrorCode(jobId: string): Promise<{ code: string; count: number }[]> {
    return this.sql.many(
      `SELECT last_error_code AS code, count(*)::integer AS count FROM job_chunks
       WHERE job_id = $1 AND status = 'failed' GROUP BY last_error_code ORDER BY count(*) DESC, last_error_code`,
      [jobId],
    );
  }

  /** Up to `limit` chunks that have waited for their delivery longer than `olderThanMs`, after this id, by id. */
  listWaiting(options: { after: string; olderThanMs: number; limit: number }): Promise<WaitingRow[]> {
    return this.sql.many(
      `SELECT c.id, ${chunkQueueOfJob} AS queue, c.queue_job_id AS "queueJobId", c.dispatch_count AS "dispatchCount"
       FROM (SELECT id, job_id, queue_job_id, dispatch_count FROM job_chunks
             WHERE status IN ('pending', 'retry_scheduled') AND id > $<after>
               -- A row with a time in the future was written by a wrong clock. It counts as one that has waited long enough.
               AND updated_at NOT BETWEEN now() - $<olderThanMs> * interval '1 millisecond' AND now()
               AND ${isNotBeingDeleted('(SELECT j.collection_id FROM jobs j WHERE j.id = job_chunks.job_id)')}
             ORDER BY id LIMIT $<limit>) AS c JOIN jobs j ON j.id = c.job_id
       ORDER BY c.id`,
      options,
    );
  }

  /**
   * Removes the kept texts of up to `limit` chunks of ended jobs that have been failed or cancelled this long. A running job
   * may still need them for its next round. A re-embedding needs them as long as it runs, because it must end without a
   * missing chunk. @returns how many.
   */
  removePayloads(options: { olderThanMs: number; limit: number }): Promise<number> {
    return this.sql.affected(
      `UPDATE job_chunks SET payload = NULL WHERE id IN (
         SELECT c.id FROM job_chunks c JOIN jobs j ON j.id = c.job_id
         WHERE c.status IN ('failed', 'cancelled') AND c.payload IS NOT NULL AND j.finished_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM re_embeddings r WHERE r.id = j.re_embedding_id AND r.status = 'running')
           AND c.updated_at < now() - $<olderThanMs> * interval '1 millisecond'
         ORDER BY c.id LIMIT $<limit> FOR UPDATE OF c SKIP LOCKED)`,
      options,
    );
  }
}
