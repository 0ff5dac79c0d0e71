import type { ChunkDispatch, JobDispatch } from '@millrace/contracts';
import { chunkQueueOfJob, type Database, type NewJobChunk, type WaitingRow } from '@millrace/database';

/** SQL: the columns of a ChunkDispatch but its delay, of job chunk `c`, job `j` and document `d`. */
export const dispatchColumns = `c.id AS "chunkId", c.job_id AS "jobId", j.document_id AS "documentId",
  d.collection_id AS "collectionId", c.chunk_index AS "chunkIndex", ${chunkQueueOfJob} AS queue,
  c.queue_job_id AS "queueJobId"`;

/** SQL: the delay of a ChunkDispatch, by what stands on the row. */
export const delayColumn = delayOf('c');

/** Nothing waits for longer than an hour: a time further away was written by a clock that was wrong. */
function delayOf(row: 'c' | 'j'): string {
  return `least(greatest(coalesce(extract(epoch FROM ${row}.next_attempt_at - now())::float8 * 1000, 0), 0), 3600000) AS "delayMs"`;
}

/** The deliveries that the rows of new chunks name. */
export function firstDispatches(
  { jobId, documentId, collectionId }: Pick<ChunkDispatch, 'jobId' | 'documentId' | 'collectionId'>,
  chunks: readonly NewJobChunk[],
): ChunkDispatch[] {
  return chunks.map(({ id, chunkIndex }) => ({
    queue: 'chunks',
    chunkId: id,
    jobId,
    documentId,
    collectionId,
    chunkIndex,
    queueJobId: `${id}.1`,
    delayMs: 0,
  }));
}

/** A row as it was when its delivery was found to be lost. */
type LostDelivery = Pick<WaitingRow, 'id' | 'dispatchCount'>;

/**
 * Gives chunks that still wait for a delivery another one, because theirs is lost: with a new id, so that the queue
 * cannot take it for one that it has seen. A row that has been dispatched again meanwhile is left alone.
 */
export function redispatchChunks(database: Database, lost: readonly LostDelivery[]): Promise<ChunkDispatch[]> {
  return database.sql.many(
    `UPDATE job_chunks c SET dispatch_count = c.dispatch_count + 1,
       queue_job_id = c.id || '.' || (c.dispatch_count + 1), updated_at = now()
     FROM unnest($<ids>::uuid[], $<counts>::integer[]) AS lost (id, dispatch_count), jobs j, documents d
     WHERE c.id = lost.id AND c.dispatch_count = lost.dispatch_count AND c.status IN ('pending', 'retry_scheduled')
       AND j.id = c.job_id AND d.id = j.document_id
     RETURNING ${dispatchColumns}, ${delayColumn}`,
    { ids: lost.map((row) => row.id), counts: lost.map((row) => row.dispatchCount) },
  );
}

/** The same for jobs that wait for a chunker. */
export function redispatchJobs(database: Database, lost: readonly LostDelivery[]): Promise<JobDispatch[]> {
  return database.sql.many(
    `UPDATE jobs j SET dispatch_count = j.dispatch_count + 1,
       queue_job_id = j.id || '.' || (j.dispatch_count + 1), updated_at = now()
     FROM unnest($<ids>::uuid[], $<counts>::integer[]) AS lost (id, dispatch_count)
     WHERE j.id = lost.id AND j.dispatch_count = lost.dispatch_count AND j.status = 'queued'
     RETURNING j.id AS "jobId", j.document_id AS "documentId", j.queue_job_id AS "queueJobId",
       ${delayOf('j')}`,
    { ids: lost.map((row) => row.id), counts: lost.map((row) => row.dispatchCount) },
  );
}
