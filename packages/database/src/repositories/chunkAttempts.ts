import type { Sql } from '../connection/sql';

export interface ChunkAttemptRow {
  attempt: number;
  round: number;
  worker: string | null;
  outcome: 'failed' | 'success';
  errorCode: string | null;
  error: string | null;
  startedAt: Date | null;
  finishedAt: Date;
  retryGroupId: string | null;
}

const columns = `attempt, round, worker, outcome, error_code AS "errorCode", error, started_at AS "startedAt",
  finished_at AS "finishedAt", retry_group_id AS "retryGroupId"`;

export class ChunkAttempts {
  constructor(private readonly sql: Sql) {}

  /** Records the attempt that was just settled for each of these job chunks. The values come from their rows. */
  async record(chunkIds: readonly string[]): Promise<void> {
    await this.sql.none(
      `INSERT INTO chunk_attempts (job_chunk_id, attempt, round, worker, outcome, error_code, error, started_at, retry_group_id)
       SELECT c.id, c.attempts, j.retry_count + 1, c.worker, c.status, c.last_error_code, c.last_error, c.started_at,
              c.retry_group_id
       FROM job_chunks c JOIN jobs j ON j.id = c.job_id
       WHERE c.id = ANY($1::uuid[]) AND c.status IN ('failed', 'success')
       ON CONFLICT (job_chunk_id, attempt) DO NOTHING`,
      [chunkIds],
    );
  }

  list(chunkId: string): Promise<ChunkAttemptRow[]> {
    return this.sql.many(`SELECT ${columns} FROM chunk_attempts WHERE job_chunk_id = $1 ORDER BY attempt`, [chunkId]);
  }
}
