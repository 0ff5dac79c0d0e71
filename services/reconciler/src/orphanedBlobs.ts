import type { BlobStore } from '@millrace/blobs';
import type { Database } from '@millrace/database';

/** How many files and folders one sweep checks. */
const filesPerSweep = 2_000;
const foldersPerSweep = 64;
const folders = 256;
/** Crashes leave a file now and then. When most files are orphans, the database is the wrong one. */
const tooManyOrphans = 20;

/**
 * Makes a sweep over the blob store, some folders a turn, that removes originals that no document names. They are left
 * when a crash interrupts an upload, or when the file of a deleted document could not be removed. Abandoned uploads are
 * removed from the staging area as well.
 */
export function orphanedBlobs(options: {
  database: Database;
  blobs: BlobStore;
  orphanAgeMs: number;
}): () => Promise<number> {
  const { database, blobs, orphanAgeMs } = options;
  let folder = 0;
  return async () => {
    const removed = await blobs.removeAbandoned(orphanAgeMs);
    const keys: string[] = [];
    for (let n = 0; n < foldersPerSweep && keys.length < filesPerSweep; n += 1) {
      keys.push(...(await blobs.listOriginals(folder, orphanAgeMs)));
      folder = (folder + 1) % folders;
    }
    const named = keys.length > 0 ? await database.documents.findSourcePaths(keys) : new Set<string>();
    const orphans = keys.filter((key) => !named.has(key));
    if (orphans.length > tooManyOrphans && orphans.length > named.size) {
      throw new Error(
        `${orphans.length} of ${keys.length} originals belong to no document. Check that this is the database of this BLOB_DIR.`,
      );
    }
    for (const key of orphans) {
      await blobs.remove(key);
    }
    return removed + orphans.length;
  };
}
