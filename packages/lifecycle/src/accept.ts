import type { ReadingOptions } from '@millrace/contracts';
import type { Database, DocumentRow, JobRow, NewDocument, Session } from '@millrace/database';

export interface AcceptOptions {
  jobId: string;
  /** How many retry rounds the job may have, and how many attempts each of its chunks. */
  jobMaxRetries: number;
  chunkMaxRetries: number;
  reading: ReadingOptions;
  /**
   * True for an encrypted PDF whose password was removed. It replaces a document of the same content that has failed with
   * PDF_ENCRYPTED.
   */
  unlocked?: boolean;
}

export interface Accepted {
  /** True when the collection already held this content. `document` and `job` then belong to the first upload. */
  duplicate: boolean;
  document: DocumentRow;
  job: JobRow;
}

/**
 * Accepts an upload whose original is in the blob store: inserts document and job, both `queued`, in one transaction.
 * After the commit Millrace brings the document to an end. When the same content is uploaded into one collection several
 * times at once, exactly one upload is new.
 */
export function acceptDocument(database: Database, document: NewDocument, options: AcceptOptions): Promise<Accepted> {
  return database.transaction(async (session) => {
    if (options.unlocked) {
      await removeLocked(session, document);
    }
    const isNew = await session.documents.insertIfNew({ ...document, unlocked: options.unlocked ?? false });
    if (isNew) {
      await session.jobs.insert({
        id: options.jobId,
        documentId: document.id,
        kind: 'ingest',
        maxRetries: options.jobMaxRetries,
        chunkMaxRetries: options.chunkMaxRetries,
        reading: options.reading,
      });
    }
    const stored = await session.documents.findByContent(document.collectionId, document.contentHash);
    const job = stored && (await session.jobs.find(stored.jobId));
    if (!stored || !job) {
      // The first upload was deleted between the insert and this read, so the conflict has no row. A serialization failure
      // makes the transaction run again.
      throw Object.assign(new Error('The document was deleted while it was uploaded again.'), { code: '40001' });
    }
    return { duplicate: !isNew, document: stored, job };
  });
}

/** Removes a document that has neither an original nor chunks. Locks are taken as in every settlement. */
async function removeLocked(session: Session, content: NewDocument): Promise<void> {
  await session.sql.many(
    `SELECT FROM jobs WHERE document_id IN
       (SELECT id FROM documents WHERE collection_id = $<collectionId> AND content_hash = $<contentHash>)
     ORDER BY id FOR UPDATE`,
    content,
  );
  await session.sql.none(
    `DELETE FROM documents WHERE collection_id = $<collectionId> AND content_hash = $<contentHash>
       AND status = 'failed' AND error_code = 'PDF_ENCRYPTED' AND source_path IS NULL`,
    content,
  );
}
