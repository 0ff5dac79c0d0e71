import { type Actor, MillraceError, newId } from '@millrace/contracts';
import {
  type CollectionRow,
  type Database,
  type DocumentRow,
  mustRunAgain,
  type Session,
  violatesUnique,
} from '@millrace/database';
import { enterCollection, requireRoom } from './quotas';
import { lockWithVersions } from './remove';
import { openJob } from './sql';

/** Unique indexes that a document which comes into a collection can violate. */
const uniqueIndexes = ['documents_content', 'documents_current', 'documents_version'];

/**
 * Moves a document to another collection, with all versions of its external id. Its chunks keep their vectors. Nothing changes
 * when it is there already.
 * @returns false when there is no such document.
 * @throws MillraceError COLLECTION_NOT_FOUND, DOCUMENT_IN_PROGRESS, DUPLICATE_DOCUMENT, VERSION_NOT_CURRENT or QUOTA_EXCEEDED
 */
export function moveDocument(
  database: Database,
  { documentId, collectionId }: { documentId: string; collectionId: string },
  actor: Actor,
): Promise<boolean> {
  return database.transaction(async (session) => {
    await session.embeddingModels.keep();
    const document = await session.documents.find(documentId);
    if (!document || document.collectionId === collectionId) {
      return document !== null;
    }
    const target = await enterBoth(session, document.collectionId, collectionId);
    const versions = await lockWithVersions(session, [documentId]);
    const locked = await session.documents.find(documentId);
    if (!locked || locked.collectionId !== document.collectionId) {
      throw mustRunAgain('The document was moved or deleted.');
    }
    const ids = versions.map(({ id }) => id);
    await refuseOpenJobs(session, ids);
    if (!locked.isCurrent) {
      throw new MillraceError('VERSION_NOT_CURRENT');
    }
    await refuseDuplicate(session, locked, collectionId);
    const record = (details: Record<string, string>) =>
      session.actions.record({ id: newId(), kind: 'move', actor, documentId, details });
    // Twice, because the members of each collection see what is done in it.
    await record({ to_collection_id: collectionId });
    const { bytes } = await changeCollection(session, ids, collectionId);
    await session.jobs.moveTo(ids, collectionId);
    await record({ from_collection_id: document.collectionId });
    await requireRoom(session, target, { documents: ids.length, sizeBytes: bytes });
    await session.documentChunks.moveTo(ids, collectionId);
    return true;
  });
}

/** Locks both collections in the order of their ids. @returns the second. */
async function enterBoth(session: Session, from: string, to: string): Promise<CollectionRow> {
  if (from < to) {
    await enterCollection(session, from);
  }
  const target = await enterCollection(session, to);
  if (from > to) {
    await enterCollection(session, from);
  }
  return target;
}

/** @throws MillraceError DOCUMENT_IN_PROGRESS */
export async function refuseOpenJobs({ sql }: Session, documentIds: readonly string[]): Promise<void> {
  const open = await sql.many<{ id: string }>(
    `SELECT id FROM jobs WHERE document_id = ANY($1::uuid[]) AND status IN ${openJob} LIMIT 1`,
    [documentIds],
  );
  if (open.length > 0) {
    throw new MillraceError('DOCUMENT_IN_PROGRESS', `Job ${open[0]?.id} of the document has not ended.`, {
      retryAfterMs: 5_000,
      extra: { job_id: open[0]?.id },
    });
  }
}

/** @throws MillraceError DUPLICATE_DOCUMENT */
async function refuseDuplicate(
  { documents }: Session,
  { externalId, contentHash }: DocumentRow,
  collectionId: string,
): Promise<void> {
  const same =
    externalId === null
      ? await documents.findByContent(collectionId, contentHash)
      : (await documents.findStanding(collectionId, externalId)).at(-1);
  if (same) {
    throw duplicateOf(same.id);
  }
}

/** Makes the error for a document that the collection already has. */
export function duplicateOf(id: string): MillraceError {
  return new MillraceError('DUPLICATE_DOCUMENT', `The collection already has this document: ${id}.`, {
    extra: { document_id: id },
  });
}

async function changeCollection(
  { sql }: Session,
  ids: readonly string[],
  collectionId: string,
): Promise<{ bytes: number }> {
  try {
    return await sql.one(
      `WITH moved AS (
         UPDATE documents SET collection_id = $<collectionId>, updated_at = now() WHERE id = ANY($<ids>::uuid[])
         RETURNING size_bytes
       ) SELECT coalesce(sum(size_bytes), 0)::float8 AS bytes FROM moved`,
      { ids, collectionId },
    );
  } catch (error) {
    // The same document came into the collection at the same moment. The next run finds it.
    throw uniqueIndexes.some((index) => violatesUnique(error, index))
      ? mustRunAgain('The document came into the collection in another way.')
      : error;
  }
}
