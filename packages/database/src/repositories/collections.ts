import { type CollectionRole, type CollectionStatus, type DocumentStatus, MillraceError } from '@millrace/contracts';
import { violatesUnique } from '../connection/constraintViolations';
import { isAfterPlace, type Listed, type ListPage, placeColumn, placeValues } from '../connection/newestFirst';
import type { Sql } from '../connection/sql';
import { mustRunAgain } from '../connection/sqlErrors';

/** The collection of the first admin's uploads that name no other (migration 0001). */
export const defaultCollectionId = '00000000-0000-7000-8000-000000000001';

/** The limits of a collection; null for none. */
export interface CollectionQuotas {
  maxDocuments: number | null;
  maxBytes: number | null;
  /** Of chunks that the reading of documents makes on a day (UTC). */
  maxChunksPerDay: number | null;
}

export interface CollectionRow {
  id: string;
  ownerId: string;
  name: string;
  description: string;
  metadata: Record<string, unknown>;
  /** A BCP 47 tag, or null. */
  language: string | null;
  status: CollectionStatus;
  quotas: CollectionQuotas;
  createdAt: Date;
  updatedAt: Date;
}

export type NewCollection = Pick<
  CollectionRow,
  'id' | 'ownerId' | 'name' | 'description' | 'metadata' | 'language' | 'quotas'
>;

/** What is left out stays as it is. */
export interface CollectionChanges {
  ownerId?: string | undefined;
  name?: string | undefined;
  description?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
  language?: string | null | undefined;
  quotas?: Partial<CollectionQuotas> | undefined;
}

/** How much is in a collection. */
export interface CollectionUse {
  /** How many documents have each status. A status without documents is left out. */
  documents: Partial<Record<DocumentStatus, number>>;
  bytes: number;
  /** The chunks of its documents, failed ones included. */
  chunks: number;
  /** The chunks that the reading of documents has made today (UTC). */
  chunksToday: number;
}

/** A role that a user has in a collection: as its owner, because it is shared with the user, or with one of its groups. */
export interface CollectionGrant {
  collectionId: string;
  role: CollectionRole;
}

/** Which collections a list has. What is left out does not limit it. */
export interface CollectionFilter {
  ids?: readonly string[] | undefined;
  ownerId?: string | undefined;
  /** A part of the name, in any case. */
  name?: string | undefined;
}

/** SQL: the current day in UTC. */
const today = `(now() AT TIME ZONE 'UTC')::date`;

// A quota is a bigint, which the driver returns as text. A number is exact up to 2^53.
const columns = `id, owner_id AS "ownerId", name, description, metadata, language, status, created_at AS "createdAt",
  updated_at AS "updatedAt", jsonb_build_object('maxDocuments', max_documents, 'maxBytes', max_bytes,
    'maxChunksPerDay', max_chunks_per_day) AS quotas`;

export class Collections {
  constructor(private readonly sql: Sql) {}

  find(id: string): Promise<CollectionRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM collections WHERE id = $1`, [id]);
  }

  /**
   * Locks an active collection, so that it does not change before the transaction ends.
   * @returns null when the collection does not exist or is being deleted.
   */
  lock(id: string): Promise<CollectionRow | null> {
    return this.sql.oneOrNone(
      `SELECT ${columns} FROM collections WHERE id = $1 AND status = 'active' FOR NO KEY UPDATE`,
      [id],
    );
  }

  /**
   * Locks an active collection that a document comes into. Without quotas for documents and bytes, others may hold the same lock.
   * @returns null when the collection does not exist or is being deleted.
   */
  async lockForDocuments(id: string): Promise<CollectionRow | null> {
    const found = await this.find(id);
    if (!found || hasRoomQuota(found)) {
      return found && this.lock(id);
    }
    const locked = await this.sql.oneOrNone<CollectionRow>(
      `SELECT ${columns} FROM collections WHERE id = $1 AND status = 'active' FOR SHARE`,
      [id],
    );
    if (locked && hasRoomQuota(locked)) {
      throw mustRunAgain('The collection has got a quota.');
    }
    return locked;
  }

  /** Lists the ids of the collections that are being deleted. */
  async listDeleting(): Promise<string[]> {
    const rows = await this.sql.many<{ id: string }>(`SELECT id FROM collections WHERE status = 'deleting'`);
    return rows.map(({ id }) => id);
  }

  /** Inserts a collection. @throws MillraceError COLLECTION_NAME_TAKEN. The caller must roll back. */
  async insert({ quotas, metadata, ...collection }: NewCollection): Promise<CollectionRow> {
    return this.refuseTaken(collection.name, () =>
      this.sql.one(
        `INSERT INTO collections
           (id, owner_id, name, description, metadata, language, max_documents, max_bytes, max_chunks_per_day)
         VALUES ($<id>, $<ownerId>, $<name>, $<description>, $<metadata>::jsonb, $<language>, $<maxDocuments>,
                 $<maxBytes>, $<maxChunksPerDay>)
         RETURNING ${columns}`,
        { ...collection, ...quotas, metadata: JSON.stringify(metadata) },
      ),
    );
  }

  /** Changes a collection that the transaction has locked. @throws MillraceError COLLECTION_NAME_TAKEN. The caller must roll back. */
  async change(locked: CollectionRow, changes: CollectionChanges): Promise<CollectionRow> {
    const { ownerId = locked.ownerId, name = locked.name, description = locked.description } = changes;
    const { metadata = locked.metadata, language = locked.language, quotas } = changes;
    const texts = { id: locked.id, ownerId, name, description, language, metadata: JSON.stringify(metadata) };
    const values = { ...texts, ...locked.quotas, ...quotas };
    return this.refuseTaken(name, () =>
      this.sql.one(
        `UPDATE collections SET owner_id = $<ownerId>, name = $<name>, description = $<description>,
           metadata = $<metadata>::jsonb, language = $<language>, max_documents = $<maxDocuments>,
           max_bytes = $<maxBytes>, max_chunks_per_day = $<maxChunksPerDay>, updated_at = now()
         WHERE id = $<id> RETURNING ${columns}`,
        values,
      ),
    );
  }

  /** Lists the active collections that fit, the newest first. */
  list(filter: CollectionFilter, page: ListPage): Promise<Listed<CollectionRow>[]> {
    const { ids, ownerId = null, name = null } = filter;
    return this.sql.many(
      `SELECT ${columns}, ${placeColumn('created_at')} FROM collections
       WHERE status = 'active' AND ${ids === undefined ? 'true' : 'id = ANY($<ids>::uuid[])'}
         AND ($<ownerId>::uuid IS NULL OR owner_id = $<ownerId>)
         AND ($<name> IS NULL OR position(lower($<name>) IN lower(name)) > 0)
         AND ${isAfterPlace('created_at', 'id')}
       ORDER BY created_at DESC, id DESC LIMIT $<limit>`,
      { ids, ownerId, name, ...placeValues(page) },
    );
  }

  /** Returns how much is in each of these collections. */
  async uses(ids: readonly string[]): Promise<Map<string, CollectionUse>> {
    const uses = new Map<string, CollectionUse>(
      ids.map((id) => [id, { documents: {}, bytes: 0, chunks: 0, chunksToday: 0 }]),
    );
    const rows = await this.sql.many<{
      id: string;
      status: DocumentStatus | null;
      documents: number;
      bytes: number;
      chunks: number;
    }>(
      `SELECT collection_id AS id, status, sum(documents)::float8 AS documents, sum(bytes)::float8 AS bytes,
         sum(chunks)::float8 AS chunks
       FROM collection_counts WHERE collection_id = ANY($<ids>::uuid[]) GROUP BY collection_id, status
       UNION ALL
       SELECT collection_id, NULL, 0, 0, chunks::float8 FROM collection_days
       WHERE collection_id = ANY($<ids>::uuid[]) AND day = ${today}`,
      { ids },
    );
    for (const { id, status, documents, bytes, chunks } of rows) {
      const use = uses.get(id);
      if (use && status === null) {
        use.chunksToday = chunks;
      } else if (use && status !== null) {
        use.bytes += bytes;
        use.chunks += chunks;
        if (documents > 0) {
          use.documents[status] = documents;
        }
      }
    }
    return uses;
  }

  /** Merges the counts of collections that have changed. Their sums stay the same. @returns how many changes there were. */
  async mergeCounts(limit: number): Promise<number> {
    const { changes } = await this.sql.one<{ changes: number }>(
      `WITH changed AS (
         SELECT DISTINCT collection_id FROM (
           SELECT collection_id FROM collection_counts WHERE NOT merged LIMIT $<limit>) AS found
       ), gone AS (
         DELETE FROM collection_counts WHERE collection_id IN (SELECT collection_id FROM changed)
         RETURNING collection_id, status, documents, bytes, chunks, merged
       ), kept AS (
         INSERT INTO collection_counts (collection_id, status, documents, bytes, chunks, merged)
         SELECT collection_id, status, sum(documents), sum(bytes), sum(chunks), true FROM gone
         GROUP BY collection_id, status HAVING sum(documents) <> 0 OR sum(bytes) <> 0 OR sum(chunks) <> 0
       )
       SELECT (count(*) FILTER (WHERE NOT merged))::integer AS changes FROM gone`,
      { limit },
    );
    return changes;
  }

  /** Counts chunks that the reading of a document has made today. Runs last in its transaction, because it locks the day. */
  async countChunks(documentId: string, chunks: number): Promise<void> {
    await this.sql.none(
      `INSERT INTO collection_days (collection_id, day, chunks)
       SELECT collection_id, ${today}, $<chunks> FROM documents WHERE id = $<documentId>
       ON CONFLICT (collection_id, day) DO UPDATE SET chunks = collection_days.chunks + excluded.chunks`,
      { documentId, chunks },
    );
  }

  /** Forgets up to `limit` days before yesterday. @returns how many. */
  forgetDays(limit: number): Promise<number> {
    return this.sql.affected(
      `DELETE FROM collection_days WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM collection_days WHERE day < ${today} - 1 LIMIT $<limit> FOR UPDATE SKIP LOCKED))`,
      { limit },
    );
  }

  /** How many active collections a user owns. */
  async countOwned(ownerId: string): Promise<number> {
    const { count } = await this.sql.one<{ count: number }>(
      `SELECT count(*)::integer AS count FROM collections WHERE owner_id = $1 AND status = 'active'`,
      [ownerId],
    );
    return count;
  }

  /**
   * Gives every active collection of one user to another. A collection whose name the new owner has already gets the suffix, or
   * its id where that name is taken as well. What was shared with the new owner is now its own. @returns how many.
   */
  async transferAll(change: { from: string; to: string; suffix: string }): Promise<number> {
    await this.sql.none(
      `DELETE FROM collection_members m USING collections c
       WHERE c.id = m.collection_id AND c.owner_id = $<from> AND m.user_id = $<to>`,
      change,
    );
    const isTaken = (name: string) =>
      `EXISTS (SELECT FROM collections o WHERE o.owner_id IN ($<from>, $<to>) AND o.status = 'active' AND o.id <> c.id
         AND o.name = ${name})`;
    return this.sql.affected(
      `UPDATE collections c SET owner_id = $<to>, updated_at = now(),
         name = CASE WHEN NOT ${isTaken('c.name')} THEN c.name
                     WHEN NOT ${isTaken("c.name || ' (' || $<suffix> || ')'")} THEN c.name || ' (' || $<suffix> || ')'
                     ELSE c.name || ' (' || c.id || ')' END
       WHERE c.owner_id = $<from> AND c.status = 'active'`,
      change,
    );
  }

  /** Gives the collections that are being deleted to another user, so that theirs can be deleted. */
  async transferDeleted(change: { from: string; to: string }): Promise<void> {
    await this.sql.none(
      `UPDATE collections SET owner_id = $<to> WHERE owner_id = $<from> AND status = 'deleting'`,
      change,
    );
  }

  /** Lists every role of the user in every collection. One collection may be there several times. */
  listGrants(userId: string): Promise<CollectionGrant[]> {
    return this.sql.many(
      `SELECT id AS "collectionId", 'manager' AS role FROM collections WHERE owner_id = $1
       UNION ALL
       SELECT collection_id, role FROM collection_members WHERE user_id = $1
       UNION ALL
       SELECT m.collection_id, m.role FROM group_members g JOIN collection_members m ON m.group_id = g.group_id
       WHERE g.user_id = $1`,
      [userId],
    );
  }

  private async refuseTaken<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (violatesUnique(error, 'collections_name')) {
        throw new MillraceError('COLLECTION_NAME_TAKEN', `The owner has another collection named ${name}.`);
      }
      throw error;
    }
  }
}

const hasRoomQuota = ({ quotas }: CollectionRow) => quotas.maxDocuments !== null || quotas.maxBytes !== null;
