import type { ChunkQueueName, DocumentStatus, JobStatus, QueueName } from '@millrace/contracts';
import type { Sql } from '../connection/sql';
import { chunkQueueOfJob } from './jobChunks';

/** How much there is of what, at one moment. A status without rows is left out. */
export interface WorkloadCounts {
  documents: Partial<Record<DocumentStatus, number>>;
  /** Jobs that have not ended, or ended as anything but completed. */
  jobs: Partial<Record<JobStatus, number>>;
  chunks: {
    /** Job chunks that wait for their first or another attempt. */
    waiting: number;
    processing: number;
    failed: number;
    cancelled: number;
    /** Chunks that searches find. */
    stored: number;
  };
  /** How long the oldest row has waited for a worker, in seconds. A queue without such rows is left out. */
  oldestSeconds: Partial<Record<QueueName, number>>;
}

/** Up to this many rows are counted. Above, the planner's estimate is used, which costs nothing. */
const countedRows = 10_000;
/** Among this many running jobs the one with the oldest waiting chunk is looked for. */
const jobsLookedAt = 1_000;

/** Counts for metrics. An index serves each, and no count reads a whole table: most rows are ready, completed or stored. */
export class Workload {
  constructor(private readonly sql: Sql) {}

  async count(): Promise<WorkloadCounts> {
    // One after another, so that a scrape takes one connection.
    const documents = await this.sql.many<{ status: DocumentStatus; count: number }>(
      `SELECT status, count(*)::integer AS count FROM documents WHERE status <> 'ready' GROUP BY status`,
    );
    const jobs = await this.sql.many<{ status: JobStatus; count: number; failed: number; unsettled: number }>(
      `${jobsOf(`('queued', 'chunking', 'processing', 'retrying')`)}
       UNION ALL ${jobsOf(`('completed_with_errors', 'failed', 'cancelled')`)}`,
    );
    const sizes = await this.sql.one<{ documents: number; stored: number; processing: number }>(
      `SELECT ${about('documents')} AS documents, ${about('document_chunks')} AS stored,
         (SELECT count(*)::integer FROM job_chunks WHERE status = 'processing') AS processing`,
    );
    const ages = await this.findOldest();
    const sum = (field: 'failed' | 'unsettled', ...statuses: JobStatus[]) =>
      jobs.filter(({ status }) => statuses.includes(status)).reduce((total, job) => total + job[field], 0);
    const notReady = documents.reduce((total, row) => total + row.count, 0);
    return {
      documents: {
        ...Object.fromEntries(documents.map(({ status, count }) => [status, count])),
        ready: Math.max(0, sizes.documents - notReady),
      },
      jobs: Object.fromEntries(jobs.map(({ status, count }) => [status, count])),
      chunks: {
        waiting: Math.max(0, sum('unsettled', 'processing', 'retrying') - sizes.processing),
        processing: sizes.processing,
        failed: sum('failed', 'processing', 'retrying', 'completed_with_errors', 'failed', 'cancelled'),
        cancelled: sum('unsettled', 'cancelled'),
        stored: sizes.stored,
      },
      oldestSeconds: Object.fromEntries(ages.map(({ queue, seconds }) => [queue, seconds])),
    };
  }

  /** A row that waits until a later time does not count. All chunks of a job were made at the same time. */
  private findOldest(): Promise<{ queue: QueueName; seconds: number }[]> {
    return this.sql.many(
      `(SELECT 'documents' AS queue, extract(epoch FROM now() - updated_at)::float8 AS seconds FROM jobs
        WHERE status = 'queued' AND coalesce(next_attempt_at, updated_at) <= now() ORDER BY updated_at LIMIT 1)
       UNION ALL ${oldestChunk('chunks')} UNION ALL ${oldestChunk('reembed-chunks')}`,
    );
  }
}

/** SQL: how many jobs have each of the statuses, and the sums of their chunks. Each list of statuses has its own index. */
function jobsOf(statuses: string): string {
  return `SELECT status, count(*)::integer AS count, coalesce(sum(failed_chunks), 0)::integer AS failed,
    coalesce(sum(total_chunks - processed_chunks - failed_chunks), 0)::integer AS unsettled
    FROM jobs WHERE status IN ${statuses} GROUP BY status`;
}

function oldestChunk(queue: ChunkQueueName): string {
  return `(SELECT '${queue}', extract(epoch FROM now() - oldest.created_at)::float8
    FROM (SELECT j.id, j.created_at FROM jobs j
          WHERE j.status IN ('processing', 'retrying') AND ${chunkQueueOfJob} = '${queue}'
          ORDER BY j.created_at LIMIT ${jobsLookedAt}) AS running,
         LATERAL (SELECT c.created_at FROM job_chunks c
                  WHERE c.job_id = running.id AND c.status = 'pending' LIMIT 1) AS oldest
    ORDER BY oldest.created_at LIMIT 1)`;
}

/** SQL: how many rows the table has: counted when there are few, otherwise as of the last ANALYZE. */
function about(table: string): string {
  return `(SELECT CASE WHEN n <= ${countedRows} THEN n ELSE greatest(n, reltuples) END::float8
    FROM (SELECT count(*) AS n FROM (SELECT FROM ${table} LIMIT ${countedRows + 1}) AS first) AS counted, pg_class
    WHERE oid = '${table}'::regclass)`;
}
