import type { BlobStore } from '@millrace/blobs';
import type { Database } from '@millrace/database';
import { removeDeleted } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';

/** What one transaction removes at most. */
const limits = { documents: 200, chunks: 10_000 };
/** A sweep begins no further transaction after this time. */
const maxSweepMs = 2_000;

/**
 * Makes a sweep that removes what is in deleted collections. All state is in the database, so another reconciler continues where
 * one has died. An original whose document went just before is then removed as an orphan.
 * @returns how many documents a turn has removed.
 */
export function deletedCollections(options: {
  database: Database;
  blobs: BlobStore;
  logger: Logger;
}): () => Promise<number> {
  const { database, blobs, logger } = options;
  return async () => {
    const until = performance.now() + maxSweepMs;
    let removed = 0;
    while (performance.now() < until) {
      const removal = await removeDeleted(database, limits);
      if (removal === null) {
        break;
      }
      for (const key of removal.sourcePaths) {
        await blobs.remove(key);
      }
      removed += removal.documents;
      if (removal.isGone) {
        logger.info({ collectionId: removal.collectionId }, 'nothing is left of a deleted collection');
      }
    }
    return removed;
  };
}
