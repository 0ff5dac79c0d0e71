import type { ChunkDispatch, JobDispatch } from '@millrace/contracts';
import { chunkQueueOfJob, type Database, type NewJobChunk, type WaitingRow } from '@millrace/database';
import { nextDelivery, waitingChunk } from './sql';

/** SQL: the columns of a ChunkDispatch, without its delay, from job chunk `c` and job `j`. */
export const dispatchColumns = `c.id AS "chunkId", c.job_id AS "jobId", j.document_id AS "documentId",
  j.collection_id AS "collectionId", c.chunk_index AS "chunkIndex", ${chunkQueueOfJob} AS queue,
  c.queue_job_id AS "queueJobId"`;

/** SQL: the columns of a JobDispatch, without its delay, from table or alias `row` of jobs. */
export function jobDispatchColumns(row: 'j' | 'jobs'): string {
  return `${row}.id AS "jobId", ${row}.document_id AS "documentId", ${row}.collection_id AS "collectionId",
    ${row}.queue_job_id AS "queueJobId"`;
}

/** SQL: the delay of a ChunkDispatch, from its row. */
export const delayColumn = delayOf('c');

/** No row waits longer than an hour. A later time was written by a wrong clock. */
function delayOf(row: 'c' | 'j'): string {
  return `least(greatest(coalesce(extract(epoch FROM ${row}.next_attempt_at - now())::float8 * 1000, 0), 0), 3600000) AS "delayMs"`;
}

/** The first deliveries of new chunks, as their rows name them. */
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
 * Gives chunks whose delivery is lost another one. Its id is new, so that the queue does not ignore it as one that it
 * has seen. A row that was dispatched again in the meantime is left alone.
 */
export function redispatchChunks(database: Database, lost: readonly LostDelivery[]): Promise<ChunkDispatch[]> {
  return database.sql.many(
    `UPDATE job_chunks c SET ${nextDelivery('c')}, updated_at = now()
     FROM unnest($<ids>::uuid[], $<counts>::integer[]) AS lost (id, dispatch_count), jobs j
     WHERE c.id = lost.id AND c.dispatch_count = lost.dispatch_count AND c.status IN ${waitingChunk}
       AND j.id = c.job_id
     RETURNING ${dispatchColumns}, ${delayColumn}`,
    { ids: lost.map((row) => row.id), counts: lost.map((row) => row.dispatchCount) },
  );
}

/** Does the same for jobs that wait for a chunker. */
export function redispatchJobs(database: Database, lost: readonly LostDelivery[]): Promise<JobDispatch[]> {
  return database.sql.many(
    `UPDATE jobs j SET ${nextDelivery('j')}, updated_at = now()
     FROM unnest($<ids>::uuid[], $<counts>::integer[]) AS lost (id, dispatch_count)
     WHERE j.id = lost.id AND j.dispatch_count = lost.dispatch_count AND j.status = 'queued'
     RETURNING ${jobDispatchColumns('j')}, ${delayOf('j')}`,
    { ids: lost.map((row) => row.id), counts: lost.map((row) => row.dispatchCount) },
  );
}
