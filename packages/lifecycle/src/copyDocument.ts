import { type Actor, MillraceError, newId } from '@millrace/contracts';
import { type Database, type DocumentRow, mustRunAgain, type Session } from '@millrace/database';
import { duplicateOf, refuseOpenJobs } from './moveDocument';
import { enterCollection, requireRoom } from './quotas';

/** The new document. */
export interface DocumentCopy {
  id: string;
  /** Of its job, which has ended: it stands for the reading that the copy did not need. */
  jobId: string;
  collectionId: string;
  ownerId: string;
  /** The key of its own original, or null when there is none. */
  sourcePath: string | null;
}

/** How many chunks are copied at a time, so that their vectors fit into the memory. */
const chunksAtATime = 1_000;

/**
 * Copies a document that is ready or partial into another collection: pages, chunks and vectors, without an external id. Nothing is
 * embedded. A copy lacks what its source lacks. Its failed chunks have no text to retry them with.
 * @returns false when there is no such document.
 * @throws MillraceError COLLECTION_NOT_FOUND, DOCUMENT_IN_PROGRESS, DOCUMENT_NOT_SEARCHABLE, DUPLICATE_DOCUMENT or QUOTA_EXCEEDED
 */
export function copyDocument(
  database: Database,
  documentId: string,
  copy: DocumentCopy,
  actor: Actor,
): Promise<boolean> {
  return database.transaction(async (session) => {
    const target = await enterCollection(session, copy.collectionId);
    const source = await lockSource(session, documentId);
    if (!source) {
      return false;
    }
    await refuseOpenJobs(session, [documentId]);
    if (source.status !== 'ready' && source.status !== 'partial') {
      throw new MillraceError('DOCUMENT_NOT_SEARCHABLE', `The document is ${source.status}.`);
    }
    await insertDocument(session, source, copy);
    await recordCopy(session, source, copy, actor);
    await requireRoom(session, target, source);
    await insertJob(session, source, copy);
    await session.documentPages.copy(documentId, copy.id);
    await copyChunks(session, documentId, copy);
    return true;
  });
}

/** Records the copy in both collections, because the members of each see what is done in it. */
async function recordCopy(
  { actions }: Session,
  source: DocumentRow,
  { id, collectionId }: DocumentCopy,
  actor: Actor,
): Promise<void> {
  const act = { kind: 'copy' as const, actor };
  const to = { to_collection_id: collectionId, copy_id: id };
  await actions.record({ id: newId(), ...act, documentId: source.id, details: to });
  const from = { from_collection_id: source.collectionId, copy_of: source.id };
  await actions.record({ id: newId(), ...act, documentId: id, details: from });
}

/** Keeps the source and its jobs from changing until the transaction ends. */
async function lockSource({ sql, documents }: Session, documentId: string): Promise<DocumentRow | null> {
  await sql.many('SELECT FROM jobs WHERE document_id = $1 ORDER BY id FOR SHARE', [documentId]);
  await sql.many('SELECT FROM documents WHERE id = $1 FOR SHARE', [documentId]);
  return documents.find(documentId);
}

async function insertDocument({ sql, documents }: Session, source: DocumentRow, copy: DocumentCopy): Promise<void> {
  const inserted = await sql.affected(
    `INSERT INTO documents (id, collection_id, owner_id, source_path, filename, content_hash, mime_type, size_bytes,
       unlocked, title, page_count, total_chunks, repair, metadata, status, error_code, error)
     SELECT $<id>, $<collectionId>, $<ownerId>, $<sourcePath>, filename, content_hash, mime_type, size_bytes,
       unlocked, title, page_count, total_chunks, repair, metadata, status, error_code, error
     FROM documents WHERE id = $<documentId>
     ON CONFLICT (collection_id, content_hash) WHERE external_id IS NULL DO NOTHING`,
    { ...copy, documentId: source.id },
  );
  if (inserted === 0) {
    const same = await documents.findByContent(copy.collectionId, source.contentHash);
    throw same ? duplicateOf(same.id) : mustRunAgain('The document with the same content was deleted.');
  }
}

/** Inserts a job that has ended, with the chunks that the source lacks. As in pruned history, its successful chunks have no rows. */
async function insertJob(
  { sql }: Session,
  source: DocumentRow,
  { id, jobId, collectionId }: DocumentCopy,
): Promise<void> {
  const missing = await sql.many<{ id: string }>(
    `SELECT c.id FROM jobs j JOIN job_chunks c ON c.job_id = j.id
     WHERE j.document_id = $1 AND j.kind IN ('ingest', 'reread') AND c.status IN ('failed', 'cancelled')
     ORDER BY c.chunk_index`,
    [source.id],
  );
  await sql.none(
    `INSERT INTO jobs (id, document_id, collection_id, kind, status, current_step, reading, total_chunks,
       processed_chunks, failed_chunks, max_retries, chunk_max_retries, error_code, error, queue_job_id, dispatch_count,
       started_at, finished_at, pruned_at)
     SELECT $<jobId>::uuid, $<id>, $<collectionId>, 'ingest', $<status>, $<status>, reading, $<total>, $<total> - $<failed>, $<failed>,
       max_retries, chunk_max_retries, $<errorCode>, $<error>, $<jobId> || '.1', 1, now(), now(), now()
     FROM jobs WHERE id = $<sourceJobId>`,
    {
      id,
      jobId,
      collectionId,
      sourceJobId: source.jobId,
      status: source.status === 'ready' ? 'completed' : 'completed_with_errors',
      total: source.totalChunks ?? 0,
      failed: missing.length,
      errorCode: source.errorCode,
      error: source.error,
    },
  );
  await sql.none(
    `INSERT INTO job_chunks (id, job_id, chunk_index, page_start, page_end, page_count, has_overlap, chunk_hash,
       content_hash, status, attempts, max_retries, last_error, last_error_code, queue_job_id, dispatch_count)
     SELECT n.id, $<jobId>, c.chunk_index, c.page_start, c.page_end, c.page_count, c.has_overlap, c.chunk_hash,
       c.content_hash, 'failed', c.attempts, c.max_retries, c.last_error, coalesce(c.last_error_code, 'CANCELLED'),
       n.id || '.1', 1
     FROM unnest($<sources>::uuid[], $<ids>::uuid[]) AS n (source, id) JOIN job_chunks c ON c.id = n.source`,
    { jobId, sources: missing.map((chunk) => chunk.id), ids: missing.map(() => newId()) },
  );
}

/** The vectors are written as new ones are, so that their signatures are right while the means change. */
async function copyChunks({ documentChunks }: Session, documentId: string, copy: DocumentCopy): Promise<void> {
  for (let after = -1; ; ) {
    const chunks = await documentChunks.listStored(documentId, { after, limit: chunksAtATime });
    await documentChunks.upsertAll(
      chunks.map((chunk) => ({
        ...chunk,
        id: newId(),
        documentId: copy.id,
        collectionId: copy.collectionId,
        ownerId: copy.ownerId,
      })),
    );
    const last = chunks.at(-1);
    if (chunks.length < chunksAtATime || last === undefined) {
      return;
    }
    after = last.chunkIndex;
  }
}
