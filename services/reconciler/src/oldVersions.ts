import type { BlobStore } from '@millrace/blobs';
import type { Database } from '@millrace/database';
import { pruneVersions } from '@millrace/lifecycle';
import { firstId } from './lostDeliveries';

/** How many versions one sweep looks at, and how many it removes at most, so that it is brief. */
const lookedPerSweep = 1_000;
const removedPerSweep = 20;

/**
 * Makes a sweep that removes old versions beyond those that are kept, with their originals. Each sweep continues where the last
 * one ended. After the last version it begins again. If it dies before a file is removed, orphaned_blobs removes the file.
 */
export function oldVersions(options: {
  database: Database;
  blobs: BlobStore;
  versionsKept: number;
}): () => Promise<number> {
  const { database, blobs, versionsKept } = options;
  let after = firstId;
  return async () => {
    const { removed, sourcePaths, last } = await pruneVersions(database, {
      kept: versionsKept,
      after,
      looked: lookedPerSweep,
      removed: removedPerSweep,
    });
    after = last ?? firstId;
    for (const sourcePath of sourcePaths) {
      await blobs.remove(sourcePath);
    }
    return removed;
  };
}
