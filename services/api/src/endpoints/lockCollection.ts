import { MillraceError } from '@millrace/contracts';
import type { CollectionRow, Session } from '@millrace/database';

/** Locks a collection for a change. @throws MillraceError COLLECTION_NOT_FOUND when it was deleted during the request */
export async function lockCollection({ collections }: Session, id: string): Promise<CollectionRow> {
  const collection = await collections.lock(id);
  if (!collection) {
    throw new MillraceError('COLLECTION_NOT_FOUND', `There is no collection ${id}.`);
  }
  return collection;
}
