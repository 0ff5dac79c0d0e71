import type { ChunkPayload, JobChunkStatus } from '@millrace/contracts';
import { encodeCopy } from '../binaryCopy';
import type { Sql } from '../sql';

export interface JobChunkRow {
  id: string;
  chunk_index: number;
  page_start: number;
  page_end: number;
  status: JobChunkStatus;
  attempts: number;
  max_retries: number;
  last_error_code: string | null;
  last_error: string | null;
  queue_job_id: string;
  lease_expires_at: Date | null;
  next_attempt_at: Date | null;
  processed_at: Date | null;
  created_at: Date;
  updated_at: Date;
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

const columns = `id, chunk_index, page_start, page_end, status, attempts, max_retries, last_error_code, last_error,
  queue_job_id, lease_expires_at, next_attempt_at, processed_at, created_at, updated_at`;

export class JobChunks {
  constructor(private readonly sql: Sql) {}

  /** Inserts all chunks of a job, pending, each with its first delivery named in the row. Runs in a transaction. */
  async insertAll(jobId: string, maxRetries: number, chunks: readonly NewJobChunk[]): Promise<void> {
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
      1,
      `${chunk.id}.1`,
    ]);
    await this.sql.copyIn(
      `COPY job_chunks (id, job_id, chunk_index, page_start, page_end, page_count, has_overlap, payload, chunk_hash,
         content_hash, max_retries, dispatch_count, queue_job_id) FROM STDIN (FORMAT binary)`,
      encodeCopy(
        ['uuid', 'uuid', 'int4', 'int4', 'int4', 'int4', 'bool', 'jsonb', 'text', 'text', 'int4', 'int4', 'text'],
        rows,
      ),
    );
  }

  /** Those of the chunks that exist, in no particular order. */
  findAll(ids: readonly string[]): Promise<JobChunkRow[]> {
    return this.sql.many(`SELECT ${columns} FROM job_chunks WHERE id = ANY($1::uuid[])`, [ids]);
  }

  /** Up to `limit` chunks after chunk index `after`, in order, of one status or of all. */
  list(
    jobId: string,
    options: { after: number; limit: number; status?: JobChunkStatus | undefined },
  ): Promise<JobChunkRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM job_chunks
       WHERE job_id = $<jobId> AND chunk_index > $<after> AND ($<status> IS NULL OR status = $<status>)
       ORDER BY chunk_index LIMIT $<limit>`,
      { jobId, after: options.after, limit: options.limit, status: options.status ?? null },
    );
  }

  /** How many of the job's chunks stand in each status; statuses with none are left out. */
  async countByStatus(jobId: string): Promise<Partial<Record<JobChunkStatus, number>>> {
    const rows = await this.sql.many<{ status: JobChunkStatus; count: number }>(
      'SELECT status, count(*)::integer AS count FROM job_chunks WHERE job_id = $1 GROUP BY status',
      [jobId],
    );
    return Object.fromEntries(rows.map((row) => [row.status, row.count]));
  }
}
