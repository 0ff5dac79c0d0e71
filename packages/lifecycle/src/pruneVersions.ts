import type { Database } from '@millrace/database';
import { deleteOldVersion } from './remove';

export interface PruneVersionsOptions {
  /** How many old versions of each external id are kept that can be brought back. */
  kept: number;
  /** Continues after this document. */
  after: string;
  /** The most versions that one call looks at, and the most that it removes. */
  looked: number;
  removed: number;
}

export interface PrunedVersions {
  removed: number;
  /** The keys of the originals, for the caller to remove. */
  sourcePaths: string[];
  /** Where the next call continues; null at the end. */
  last: string | null;
}

/**
 * Removes old versions: those that as many newer old ones as are kept come before. Only versions that can be brought back count, so
 * uploads that fail push out none that could be read. A version that waits to become current is not old.
 */
export async function pruneVersions(database: Database, options: PruneVersionsOptions): Promise<PrunedVersions> {
  const looked = await database.sql.many<{ id: string; isOver: boolean }>(
    `SELECT o.id, EXISTS (SELECT FROM documents c WHERE c.external_id = o.external_id
         AND c.collection_id = o.collection_id AND c.is_current AND c.version > o.version)
       AND $<kept> <= (SELECT count(*) FROM (
         SELECT FROM documents n WHERE n.external_id = o.external_id AND n.collection_id = o.collection_id
           AND NOT n.is_current AND n.version > o.version AND n.status IN ('ready', 'partial')
         LIMIT $<kept>) AS newer) AS "isOver"
     FROM (SELECT * FROM documents WHERE NOT is_current AND id > $<after> ORDER BY id LIMIT $<looked>) o
     ORDER BY o.id`,
    options,
  );
  const over = looked.filter((version) => version.isOver).slice(0, options.removed);
  const removed = [];
  for (const { id } of over) {
    removed.push(...((await deleteOldVersion(database, id))?.sourcePaths ?? []));
  }
  const end = looked.length === options.looked ? (looked.at(-1)?.id ?? null) : null;
  return {
    removed: over.length,
    sourcePaths: removed,
    last: over.length === options.removed ? (over.at(-1)?.id ?? null) : end,
  };
}
