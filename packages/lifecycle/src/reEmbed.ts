import { type ChunkDispatch, newId } from '@millrace/contracts';
import type { Database, NextModel, Session } from '@millrace/database';
import { cancelJob } from './cancel';
import { runningJob } from './sql';

/*
 * Jobs of the kind re-embed. Each embeds stored chunks of one document again, with the next model. They begin in
 * `processing`, with job chunks made of the stored chunks, and then work like every job: claims, leases, rounds,
 * retries, cancelling. They change no document: it keeps its vectors, and the new vectors are used only once all exist.
 */

export interface ReEmbedOptions {
  /**
   * One call looks at this many documents after this id; at fewer when they are large, and at all while the change is
   * closing.
   */
  after: string;
  documents: number;
  /** At most this many chunks get a job. */
  chunks: number;
  jobMaxRetries: number;
  chunkMaxRetries: number;
}

export interface BegunReEmbedding {
  /** The last document that was looked at, where the next call continues; null at the end. */
  last: string | null;
  /** The deliveries to make. */
  dispatches: ChunkDispatch[];
}

/** The key of an advisory lock. No other code uses it. */
const beginLock = 7_316_420_019;

/** How many stored chunks one call compares. A document with more is compared alone. */
const chunksPerLook = 50_000;

interface WantedChunk {
  id: string;
  documentId: string;
  collectionId: string;
  chunkIndex: number;
}

/** How many chunks of re-embed jobs are not settled. */
export async function countOpenReEmbedChunks(database: Database, { reEmbeddingId }: NextModel): Promise<number> {
  const { open } = await database.sql.one<{ open: number }>(
    `SELECT coalesce(sum(total_chunks - processed_chunks - failed_chunks), 0)::integer AS open
     FROM jobs WHERE re_embedding_id = $1 AND status IN ${runningJob}`,
    [reEmbeddingId],
  );
  return open;
}

/**
 * Makes jobs for chunks that have no vector of the next model, one for each document. A document that is still being read
 * or embedded waits until that has ended, but at most ten minutes, and not while the change is closing. A document that has
 * such a job waits for its end. A chunk that failed or was cancelled in one waits for an operator.
 * @returns null, without a search, while another reconciler makes jobs, or while jobs of an earlier change are open: their
 * chunks would be embedded for this change too, and so twice.
 */
export function beginReEmbedJobs(
  database: Database,
  next: NextModel,
  options: ReEmbedOptions,
): Promise<BegunReEmbedding | null> {
  return database.transaction(async (session) => {
    // A frozen reconciler may wake beside another one, and no chunk may get two jobs. The lock does not wait for a frozen one.
    const { locked } = await session.sql.one<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
      beginLock,
    ]);
    if (!locked || (await hasJobsLeftOver(session))) {
      return null;
    }
    // The last few chunks are searched for in all documents at once. Such a search takes as long as one of many documents.
    const page = next.closing ? null : await documentsAfter(session, next, options);
    const wanted = await findMissing(session, next, page?.documents ?? null, options.chunks);
    const dispatches = wanted.length > 0 ? await insertJobs(session, next, wanted, options) : [];
    const last = wanted.length === options.chunks ? options.after : (page?.last ?? null);
    return { last, dispatches };
  });
}

/** SQL: the job belongs to a change that has ended. */
const isOver = `re_embedding_id IN (SELECT id FROM re_embeddings WHERE status <> 'running')`;

async function hasJobsLeftOver(session: Session): Promise<boolean> {
  const { left } = await session.sql.one<{ left: boolean }>(
    `SELECT EXISTS (SELECT FROM jobs WHERE ${isOver} AND status IN ${runningJob}) AS "left"`,
  );
  return left;
}

/** SQL: document `d` no longer gets chunks, or has got them for long enough to begin. */
const isWorthAJob = `(d.status NOT IN ('queued', 'processing') OR d.created_at < now() - interval '10 minutes')`;

/** SQL: document `d` has no re-embed job that is running. */
const hasNoOpenJob = `NOT EXISTS (SELECT FROM jobs j WHERE j.document_id = d.id AND j.re_embedding_id = $<reEmbeddingId>
                                    AND j.status IN ${runningJob})`;

/** Returns the next documents to check, fewer when they are large, and which of them may get a job. */
async function documentsAfter(
  session: Session,
  { reEmbeddingId }: NextModel,
  { after, documents }: ReEmbedOptions,
): Promise<{ last: string | null; documents: string[] }> {
  const rows = await session.sql.many<{ id: string; wanted: boolean }>(
    `SELECT id, wanted FROM (
       SELECT id, wanted, sum(chunks) OVER (ORDER BY id) - chunks AS chunks_before FROM (
         SELECT d.id, state.wanted, CASE WHEN state.wanted THEN coalesce(d.total_chunks, 0) ELSE 0 END AS chunks
         FROM documents d, LATERAL (SELECT ${isWorthAJob} AND ${hasNoOpenJob} AS wanted) AS state
         WHERE d.id > $<after> ORDER BY d.id LIMIT $<documents>) AS following) AS counted
     WHERE chunks_before < $<chunksPerLook> ORDER BY id`,
    { after, documents, reEmbeddingId, chunksPerLook },
  );
  const wanted = rows.filter((document) => document.wanted).map((document) => document.id);
  return { last: rows.at(-1)?.id ?? null, documents: wanted };
}

/** @param documents null for all documents, also those that are still being read or embedded */
function findMissing(
  session: Session,
  { reEmbeddingId }: NextModel,
  documents: readonly string[] | null,
  limit: number,
): Promise<WantedChunk[]> {
  const isLookedAt = (id: string) => (documents === null ? 'true' : `${id} = ANY($<documents>::uuid[])`);
  return session.sql.many(
    // By their keys first, which are in an index of both tables. The lock keeps the documents from being deleted.
    // When it has waited for a move, the document's collection is the new one. Open jobs are checked again: a retry moves its chunks from the failed ones to the open ones in one moment.
    `WITH missing AS MATERIALIZED (
       SELECT document_id, chunk_hash FROM document_chunks c
       WHERE ${isLookedAt('document_id')}
         AND NOT EXISTS (SELECT FROM document_chunks_next n
                         WHERE n.document_id = c.document_id AND n.chunk_hash = c.chunk_hash)
       EXCEPT
       SELECT j.document_id, c.chunk_hash FROM jobs j JOIN job_chunks c ON c.job_id = j.id
       WHERE ${isLookedAt('j.document_id')} AND j.re_embedding_id = $<reEmbeddingId>
         AND j.status IN ('completed_with_errors', 'failed', 'cancelled') AND c.status IN ('failed', 'cancelled')
     )
     SELECT c.id, d.id AS "documentId", d.collection_id AS "collectionId", c.chunk_index AS "chunkIndex"
     FROM missing JOIN document_chunks c USING (document_id, chunk_hash) JOIN documents d ON d.id = c.document_id
     WHERE ${isLookedAt('d.id')} AND ${hasNoOpenJob}
     ORDER BY d.id, c.chunk_index LIMIT $<limit> FOR KEY SHARE OF d`,
    { documents, reEmbeddingId, limit },
  );
}

async function insertJobs(
  session: Session,
  { reEmbeddingId }: NextModel,
  wanted: readonly WantedChunk[],
  limits: Pick<ReEmbedOptions, 'jobMaxRetries' | 'chunkMaxRetries'>,
): Promise<ChunkDispatch[]> {
  const jobs = new Map<string, { id: string; collectionId: string; chunks: number }>();
  const dispatches = wanted.map((chunk): ChunkDispatch => {
    const job = jobs.get(chunk.documentId) ?? { id: newId(), collectionId: chunk.collectionId, chunks: 0 };
    jobs.set(chunk.documentId, job);
    job.chunks += 1;
    const chunkId = newId();
    return {
      queue: 'reembed-chunks',
      chunkId,
      jobId: job.id,
      documentId: chunk.documentId,
      collectionId: chunk.collectionId,
      chunkIndex: chunk.chunkIndex,
      queueJobId: `${chunkId}.1`,
      delayMs: 0,
    };
  });
  await session.sql.none(
    `INSERT INTO jobs (id, document_id, collection_id, kind, re_embedding_id, status, current_step, total_chunks,
       max_retries, chunk_max_retries, queue_job_id, dispatch_count, started_at)
     SELECT id, document_id, collection_id, 're-embed', $<reEmbeddingId>, 'processing', 'embedding', chunks, $<jobMaxRetries>,
       $<chunkMaxRetries>, id || '.1', 1, now()
     FROM unnest($<ids>::uuid[], $<documents>::uuid[], $<collections>::uuid[], $<chunks>::integer[])
       AS job (id, document_id, collection_id, chunks)`,
    {
      reEmbeddingId,
      ...limits,
      ids: [...jobs.values()].map((job) => job.id),
      documents: [...jobs.keys()],
      collections: [...jobs.values()].map((job) => job.collectionId),
      chunks: [...jobs.values()].map((job) => job.chunks),
    },
  );
  await session.sql.none(
    // The payload has the shape of an ingest job's. Coordinates are not copied: the vector goes to a copy of the stored chunk.
    `INSERT INTO job_chunks (id, job_id, chunk_index, page_start, page_end, page_count, has_overlap, payload, chunk_hash,
       content_hash, max_retries, dispatch_count, queue_job_id)
     SELECT job_chunk.id, job_chunk.job_id, c.chunk_index, c.page_start, c.page_end, c.page_end - c.page_start + 1, false,
       jsonb_build_object('text', c.content, 'tokenCount', c.token_count, 'section', c.section,
                          'coordinates', '[]'::jsonb),
       c.chunk_hash, c.content_hash, $<chunkMaxRetries>, 1, job_chunk.id || '.1'
     FROM unnest($<ids>::uuid[], $<jobIds>::uuid[], $<stored>::uuid[]) AS job_chunk (id, job_id, stored)
       JOIN document_chunks c ON c.id = job_chunk.stored`,
    {
      chunkMaxRetries: limits.chunkMaxRetries,
      ids: dispatches.map((dispatch) => dispatch.chunkId),
      jobIds: dispatches.map((dispatch) => dispatch.jobId),
      stored: wanted.map((chunk) => chunk.id),
    },
  );
  return dispatches;
}

/**
 * Cancels up to `limit` jobs of re-embeddings that have ended, and removes the texts that their chunks keep for a retry: no
 * table takes their vectors any more. @returns how many jobs there were.
 */
export async function endReEmbedJobs(database: Database, limit: number): Promise<number> {
  const open = await database.sql.many<{ id: string }>(
    `SELECT id FROM jobs WHERE ${isOver} AND status IN ${runningJob} ORDER BY id LIMIT $1`,
    [limit],
  );
  for (const { id } of open) {
    await cancelJob(database, id, { kind: 'reconciler' });
  }
  await database.sql.none(
    `UPDATE job_chunks SET payload = NULL WHERE id IN (
       SELECT c.id FROM job_chunks c JOIN jobs j ON j.id = c.job_id
       WHERE ${isOver} AND j.status IN ('completed_with_errors', 'failed', 'cancelled')
         AND c.status IN ('failed', 'cancelled') AND c.payload IS NOT NULL
       ORDER BY c.id LIMIT $1 FOR UPDATE OF c SKIP LOCKED)`,
    [limit],
  );
  return open.length;
}
