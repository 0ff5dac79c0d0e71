import { MillraceError } from '@millrace/contracts';
import type { CollectionRow, Session } from '@millrace/database';

/*
 * Quotas of a collection. A transaction that brings a document in first locks the collection, then inserts the document, and
 * then compares what the collection holds with its quotas. With a quota, the lock lets in one such transaction at a time, so two
 * uploads never share the last place. Without one, the lock only keeps out a change of the quotas and a deletion.
 */

/** Locks the collection that a document comes into. @throws MillraceError COLLECTION_NOT_FOUND */
export async function enterCollection({ collections }: Session, id: string): Promise<CollectionRow> {
  const collection = await collections.lockForDocuments(id);
  if (!collection) {
    throw new MillraceError('COLLECTION_NOT_FOUND', `There is no collection ${id}.`);
  }
  return collection;
}

/** Refuses documents that were inserted, if the collection now holds too much. @throws MillraceError QUOTA_EXCEEDED */
export async function requireRoom(
  { collections }: Session,
  { id, quotas }: CollectionRow,
  { sizeBytes, documents: count = 1 }: { sizeBytes: number; documents?: number },
): Promise<void> {
  const { maxDocuments, maxBytes } = quotas;
  if (maxDocuments === null && maxBytes === null) {
    return;
  }
  const use = (await collections.uses([id])).get(id);
  const documents = Object.values(use?.documents ?? {}).reduce((sum, count) => sum + count, 0);
  const bytes = use?.bytes ?? 0;
  if (maxDocuments !== null && documents > maxDocuments) {
    throw exceeded('max_documents', { limit: maxDocuments, used: documents - count, requested: count });
  }
  if (maxBytes !== null && bytes > maxBytes) {
    throw exceeded('max_bytes', { limit: maxBytes, used: bytes - sizeBytes, requested: sizeBytes });
  }
}

function exceeded(quota: string, figures: { limit: number; used: number; requested: number }): MillraceError {
  const { limit, used, requested } = figures;
  const message = `The collection may have ${limit} (${quota}). It has ${used}, and this needs ${requested} more.`;
  return new MillraceError('QUOTA_EXCEEDED', message, { extra: { quota, ...figures } });
}

/**
 * Refuses a document that would have to be read, if the documents that were read today have made as many chunks as they may.
 * @throws MillraceError DAILY_QUOTA_EXCEEDED
 */
export async function requireChunksToday({ collections }: Session, { id, quotas }: CollectionRow): Promise<void> {
  const limit = quotas.maxChunksPerDay;
  if (limit === null) {
    return;
  }
  const used = (await collections.uses([id])).get(id)?.chunksToday ?? 0;
  if (used >= limit) {
    const dayMs = 86_400_000;
    throw new MillraceError(
      'DAILY_QUOTA_EXCEEDED',
      `The collection may make ${limit} chunks a day (max_chunks_per_day). It has made ${used} today (UTC).`,
      { retryAfterMs: dayMs - (Date.now() % dayMs), extra: { quota: 'max_chunks_per_day', limit, used } },
    );
  }
}
