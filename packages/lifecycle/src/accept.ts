import type { ReadingOptions } from '@millrace/contracts';
import {
  type Database,
  type DocumentRow,
  type JobRow,
  mustRunAgain,
  type NewDocument,
  type Session,
} from '@millrace/database';
import { lockCurrent } from './lockDocuments';
import { enterCollection, requireChunksToday, requireRoom } from './quotas';
import { makeNewest } from './versions';

export interface AcceptedFile extends NewDocument {
  /** Makes the file a version of the document that it names in its collection. */
  externalId?: string | null;
}

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
  /** Runs at the end of the transaction, for what must be stored together with the document. */
  record?: ((session: Session, accepted: Accepted) => Promise<void>) | undefined;
}

export interface Accepted {
  /** True when the collection, or the document that the external id names, already held this content. The rest is then of it. */
  duplicate: boolean;
  document: DocumentRow;
  job: JobRow;
}

/**
 * Accepts an upload whose original is in the blob store: inserts document and job, both `queued`, in one transaction.
 * After the commit Millrace brings the document to an end. When the same content is uploaded into one collection several
 * times at once, exactly one upload is new.
 * @throws MillraceError COLLECTION_NOT_FOUND, QUOTA_EXCEEDED or DAILY_QUOTA_EXCEEDED
 */
export function acceptDocument(database: Database, document: AcceptedFile, options: AcceptOptions): Promise<Accepted> {
  return database.transaction(async (session) => {
    const collection = await enterCollection(session, document.collectionId);
    const { externalId = null } = document;
    const { id, isNew } =
      externalId === null
        ? await insertUnnamed(session, document, options)
        : await insertVersion(session, { ...document, externalId }, options);
    if (isNew) {
      await requireChunksToday(session, collection);
      await requireRoom(session, collection, document);
      await session.jobs.insert({
        id: options.jobId,
        documentId: document.id,
        collectionId: document.collectionId,
        kind: 'ingest',
        maxRetries: options.jobMaxRetries,
        chunkMaxRetries: options.chunkMaxRetries,
        reading: options.reading,
      });
    }
    const stored = await session.documents.find(id);
    const job = stored && (await session.jobs.find(stored.jobId));
    if (!stored || !job) {
      throw mustRunAgain('The document was deleted while it was uploaded again.');
    }
    const accepted = { duplicate: !isNew, document: stored, job };
    await options.record?.(session, accepted);
    return accepted;
  });
}

interface Inserted {
  /** Of the new document, or of the one that holds the content. */
  id: string;
  isNew: boolean;
}

async function insertUnnamed(session: Session, document: NewDocument, options: AcceptOptions): Promise<Inserted> {
  if (options.unlocked) {
    await removeLocked(session, document);
  }
  if (await session.documents.insertIfNew({ ...document, unlocked: options.unlocked ?? false })) {
    return { id: document.id, isNew: true };
  }
  const first = await session.documents.findByContent(document.collectionId, document.contentHash);
  if (!first) {
    throw mustRunAgain('The first upload was deleted between the insert and this read.');
  }
  return { id: first.id, isNew: false };
}

/**
 * Inserts a version, unless its content is that of the newest version or of the current one. The last upload wins: when the
 * current version comes again while a newer one is being read, it gets a newer number and stays current.
 */
async function insertVersion(
  session: Session,
  document: NewDocument & { externalId: string },
  { unlocked = false }: AcceptOptions,
): Promise<Inserted> {
  const { collectionId, externalId, contentHash } = document;
  await lockCurrent(session, document);
  const standing = await session.documents.findStanding(collectionId, externalId);
  const known = findSameContent(standing, { contentHash, unlocked });
  if (known) {
    if (known !== standing[0]) {
      await makeNewest(session, known.id, standing);
    }
    return { id: known.id, isNew: false };
  }
  const version = (standing[0]?.version ?? 0) + 1;
  if (!(await session.documents.insertVersion({ ...document, unlocked, version, isCurrent: standing.length === 0 }))) {
    throw mustRunAgain('Another version was uploaded at the same time.');
  }
  return { id: document.id, isNew: true };
}

/**
 * Finds the version whose content is uploaded again: the newest one, or else the current one.
 * @param standing the current version and those that are newer, the newest first.
 * @param unlocked true when the upload brings a password, which the version may have lacked.
 */
export function findSameContent(
  standing: readonly DocumentRow[],
  { contentHash, unlocked }: { contentHash: string; unlocked: boolean },
): DocumentRow | undefined {
  return [standing[0], standing.at(-1)].find(
    (version) => version?.contentHash === contentHash && !(unlocked && mayLackPassword(version)),
  );
}

/** True for a document that failed because its password was missing, or still may: it is being read and came without one. */
export function mayLackPassword({ status, errorCode, unlocked }: DocumentRow): boolean {
  return status === 'queued' || status === 'processing' ? !unlocked : errorCode === 'PDF_ENCRYPTED';
}

/** Removes a document that has neither an original nor chunks. Locks are taken as in every settlement. */
async function removeLocked(session: Session, content: NewDocument): Promise<void> {
  await session.sql.many(
    `SELECT FROM jobs WHERE document_id IN
       (SELECT id FROM documents
        WHERE collection_id = $<collectionId> AND content_hash = $<contentHash> AND external_id IS NULL)
     ORDER BY id FOR UPDATE`,
    content,
  );
  await session.sql.none(
    `DELETE FROM documents
     WHERE collection_id = $<collectionId> AND content_hash = $<contentHash> AND external_id IS NULL
       AND status = 'failed' AND error_code = 'PDF_ENCRYPTED' AND source_path IS NULL`,
    content,
  );
}
