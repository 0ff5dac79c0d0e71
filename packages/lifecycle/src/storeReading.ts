import { type ChunkDispatch, chunkHashOf, type DocumentRepair } from '@millrace/contracts';
import type { Database, NewDocumentPage, NewJobChunk, Session } from '@millrace/database';
import type { ClaimedJob, JobLease } from './claimedJob';
import { firstDispatches } from './dispatch';
import { type Counters, counters, endJobs } from './endJobs';
import { clearError, endJobLease } from './sql';

export interface ChunkedDocument {
  title: string | null;
  /** How the original was made readable, if it was broken. */
  repair?: DocumentRepair | null;
  pages: readonly NewDocumentPage[];
  /** At least one. */
  chunks: readonly NewJobChunk[];
}

/** Shows how far the reading of the document is. Does nothing when the lease was lost. */
export async function noteReading(database: Database, { jobId, token }: JobLease, step: string): Promise<void> {
  await database.sql.none(
    `UPDATE jobs SET current_step = $<step>, updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>`,
    { jobId, token, step },
  );
}

/**
 * chunking -> processing: stores page outcomes and all job chunks of an ingest job in one transaction.
 * @returns the deliveries to make after the commit, or null when the lease was lost and nothing was stored.
 */
export function storeChunks(
  database: Database,
  job: ClaimedJob,
  document: ChunkedDocument,
): Promise<ChunkDispatch[] | null> {
  return database.transaction(async (session) => {
    const moved = await endChunking(session, job, { kind: 'ingest', total: document.chunks.length });
    if (!moved) {
      return null;
    }
    await session.documentPages.replaceAll(job.documentId, document.pages);
    await session.documents.describe(job.documentId, {
      title: document.title,
      pageCount: document.pages.length,
      totalChunks: document.chunks.length,
      repair: document.repair ?? null,
    });
    return insertChunks(session, job, { chunks: document.chunks, retryGroupId: moved.retryGroupId });
  });
}

/**
 * chunking -> processing: stores the outcomes of the pages that a reread job has read, and chunks for those that can be
 * read now, numbered after the document's other chunks. Without chunks the job ends at once.
 * @returns the deliveries to make after the commit, or null when the lease was lost and nothing was stored.
 */
export function storePages(
  database: Database,
  job: ClaimedJob,
  read: { pages: readonly NewDocumentPage[]; chunks: readonly NewJobChunk[] },
): Promise<ChunkDispatch[] | null> {
  return database.transaction(async (session) => {
    const moved = await endChunking(session, job, { kind: 'reread', total: read.chunks.length });
    if (!moved) {
      return null;
    }
    // Locks the document, so that no other reread job numbers its chunks at the same time.
    await session.documents.addChunks(job.documentId, read.chunks.length);
    await session.documentPages.replaceFailed(job.documentId, read.pages);
    if (read.chunks.length === 0) {
      await endJobs(session, [moved]);
      return [];
    }
    const chunks = await appended(session, job.documentId, read.chunks);
    return insertChunks(session, job, { chunks, retryGroupId: moved.retryGroupId });
  });
}

/** chunking -> processing, when the token still holds the job. */
function endChunking(
  session: Session,
  { jobId, token }: JobLease,
  read: { kind: 'ingest' | 'reread'; total: number },
): Promise<(Counters & { retryGroupId: string | null }) | null> {
  return session.sql.oneOrNone(
    `UPDATE jobs SET status = 'processing', current_step = 'embedding', total_chunks = $<total>, ${clearError},
       ${endJobLease}, updated_at = now()
     WHERE id = $<jobId> AND kind = $<kind> AND status = 'chunking' AND lease_token = $<token>
     RETURNING ${counters}, retry_group_id AS "retryGroupId"`,
    { jobId, token, ...read },
  );
}

async function insertChunks(
  session: Session,
  job: ClaimedJob,
  { chunks, retryGroupId }: { chunks: readonly NewJobChunk[]; retryGroupId: string | null },
): Promise<ChunkDispatch[]> {
  await session.jobChunks.insertAll(chunks, { jobId: job.jobId, maxRetries: job.chunkMaxRetries, retryGroupId });
  await session.collections.countChunks(job.documentId, chunks.length);
  return firstDispatches(job, chunks);
}

/** The chunks, with indexes and hashes that continue after the chunks that the document's jobs have. */
async function appended(session: Session, documentId: string, chunks: readonly NewJobChunk[]): Promise<NewJobChunk[]> {
  const { next, occurrences } = await session.jobChunks.findContinuation(
    documentId,
    chunks.map((chunk) => chunk.contentHash),
  );
  return chunks.map((chunk, index) => {
    const occurrence = occurrences.get(chunk.contentHash) ?? 0;
    occurrences.set(chunk.contentHash, occurrence + 1);
    return { ...chunk, chunkIndex: next + index, chunkHash: chunkHashOf(chunk.contentHash, occurrence) };
  });
}
