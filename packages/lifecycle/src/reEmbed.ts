import { type ChunkDispatch, newId } from '@millrace/contracts';
import type { Database, NextModel, Session } from '@millrace/database';
import { cancelJob } from './cancel';

/*
 * Jobs of the kind re-embed: each has chunks of one document that are stored embedded again, with the model that is to
 * take the present one's place. They begin in `processing`, with job chunks made of the document's own, and from there go
 * the way of every job: claims, leases, rounds, retries, cancelling. Their ends change no document: it has its vectors,
 * and what these jobs make is seen by nobody until all of it is there.
 */

export interface ReEmbedOptions {
  /** So many documents after this id are looked at, fewer where they are large; all of them while the change is closing. */
  after: string;
  documents: number;
  /** At most so many chunks get a job. */
  chunks: number;
  jobMaxRetries: number;
  chunkMaxRetries: number;
}

export interface BegunReEmbedding {
  /** The last document looked at: where to go on; null at the end. */
  last: string | null;
  /** The deliveries to make. */
  dispatches: ChunkDispatch[];
}

/** Any number of its own. */
const beginLock = 7_316_420_019;

/** So many stored chunks are compared in one look; a document with more is looked at by itself. */
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
     FROM jobs WHERE re_embedding_id = $1 AND status IN ('processing', 'retrying')`,
    [reEmbeddingId],
  );
  return open;
}

/**
 * Makes jobs for chunks that have no vector of the next model, one for each document. A document that is still being read
 * or embedded waits until that has ended, but not for long, nor when everything else waits for it; one that has such a job
 * waits for its end; a chunk that failed or was cancelled in one waits for an operator.
 * @returns null, with nothing looked at, while somebody else is here, or jobs of a change that is over are not ended: their
 * chunks would be embedded for this one, and so twice.
 */
export function beginReEmbedJobs(
  database: Database,
  next: NextModel,
  options: ReEmbedOptions,
): Promise<BegunReEmbedding | null> {
  return database.transaction(async (session) => {
    // A reconciler that was frozen and wakes beside another one: no chunk may get two jobs. Nobody waits for one that sleeps.
    const { locked } = await session.sql.one<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
      beginLock,
    ]);
    if (!locked || (await hasJobsLeftOver(session))) {
      return null;
    }
    // The last few are looked for everywhere at once: it takes as long as a look at many documents, and not many such.
    const page = next.closing ? null : await documentsAfter(session, next, options);
    const wanted = await findMissing(session, next, page?.documents ?? null, options.chunks);
    const dispatches = wanted.length > 0 ? await insertJobs(session, next, wanted, options) : [];
    const last = wanted.length === options.chunks ? options.after : (page?.last ?? null);
    return { last, dispatches };
  });
}

/** SQL: jobs of changes that are completed or were cancelled. */
const isOver = `re_embedding_id IN (SELECT id FROM re_embeddings WHERE status <> 'running')`;

async function hasJobsLeftOver(session: Session): Promise<boolean> {
  const { left } = await session.sql.one<{ left: boolean }>(
    `SELECT EXISTS (SELECT FROM jobs WHERE ${isOver} AND status IN ('processing', 'retrying')) AS "left"`,
  );
  return left;
}

/** SQL: not while every look would find some more chunks of document `d`. */
const isWorthAJob = `(d.status NOT IN ('queued', 'processing') OR d.created_at < now() - interval '10 minutes')`;

/** SQL: document `d` has no job that is under way. */
const hasNoOpenJob = `NOT EXISTS (SELECT FROM jobs j WHERE j.document_id = d.id AND j.re_embedding_id = $<reEmbeddingId>
                                    AND j.status IN ('processing', 'retrying'))`;

/** The next documents to look at, fewer where they are large, and of these the ones that may get a job. */
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

/** @param documents null for all documents, those included that are not at their end */
function findMissing(
  session: Session,
  { reEmbeddingId }: NextModel,
  documents: readonly string[] | null,
  limit: number,
): Promise<WantedChunk[]> {
  const isLookedAt = (id: string) => (documents === null ? 'true' : `${id} = ANY($<documents>::uuid[])`);
  return session.sql.many(
    // By their keys first, which stand in an index of both tables. The documents are locked against being deleted meanwhile.
    // Open jobs are looked for here again: a retry takes its chunks from the failed ones to those in one moment.
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
     SELECT c.id, c.document_id AS "documentId", c.collection_id AS "collectionId", c.chunk_index AS "chunkIndex"
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
  const jobs = new Map<string, { id: string; chunks: number }>();
  const dispatches = wanted.map((chunk): ChunkDispatch => {
    const job = jobs.get(chunk.documentId) ?? { id: newId(), chunks: 0 };
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
    `INSERT INTO jobs (id, document_id, kind, re_embedding_id, status, current_step, total_chunks, max_retries,
       chunk_max_retries, queue_job_id, dispatch_count, started_at)
     SELECT id, document_id, 're-embed', $<reEmbeddingId>, 'processing', 'embedding', chunks, $<jobMaxRetries>,
       $<chunkMaxRetries>, id || '.1', 1, now()
     FROM unnest($<ids>::uuid[], $<documents>::uuid[], $<chunks>::integer[]) AS job (id, document_id, chunks)`,
    {
      reEmbeddingId,
      ...limits,
      ids: [...jobs.values()].map((job) => job.id),
      documents: [...jobs.keys()],
      chunks: [...jobs.values()].map((job) => job.chunks),
    },
  );
  await session.sql.none(
    // The payload is an ingest's. Where the text stands is not copied: the vector goes to a copy of the stored chunk.
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
 * Ends up to `limit` jobs of re-embeddings that are over, completed or cancelled, and gives up the texts that their chunks
 * keep for a retry: nothing is there to put a vector into. @returns how many jobs there were.
 */
export async function endReEmbedJobs(database: Database, limit: number): Promise<number> {
  const open = await database.sql.many<{ id: string }>(
    `SELECT id FROM jobs WHERE ${isOver} AND status IN ('processing', 'retrying') ORDER BY id LIMIT $1`,
    [limit],
  );
  for (const { id } of open) {
    await cancelJob(database, id);
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
