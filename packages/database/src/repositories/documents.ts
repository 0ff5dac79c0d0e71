import type { DocumentRepair, DocumentStatus } from '@millrace/contracts';
import {
  type CollectionScope,
  isAfterPlace,
  isInCollections,
  isNamed,
  isOneOf,
  isWithin,
  type Listed,
  type ListPage,
  newestInEach,
  placeColumn,
  placeValues,
} from '../connection/newestFirst';
import type { Sql } from '../connection/sql';
import { findFewNamed } from './namedDocuments';

export interface DocumentRow {
  id: string;
  collectionId: string;
  /** The user who uploaded it. */
  ownerId: string;
  /** The uploader's own name for it, which its versions share; null for a document without versions. */
  externalId: string | null;
  /** The order in which the versions of an external id are to answer. */
  version: number;
  /** True for the version that searches see. A document without an external id is always current. */
  isCurrent: boolean;
  filename: string;
  /** The key of the original in the blob store; null once it is removed. */
  sourcePath: string | null;
  contentHash: string;
  mimeType: string;
  sizeBytes: number;
  /** True for an encrypted PDF whose original was stored without its password. */
  unlocked: boolean;
  title: string | null;
  pageCount: number | null;
  totalChunks: number | null;
  repair: DocumentRepair | null;
  metadata: Record<string, unknown>;
  status: DocumentStatus;
  errorCode: string | null;
  error: string | null;
  /** The newest job that ingests the document; every document has one. */
  jobId: string;
  createdAt: Date;
  updatedAt: Date;
}

export type NewDocument = Pick<
  DocumentRow,
  'id' | 'collectionId' | 'ownerId' | 'filename' | 'sourcePath' | 'contentHash' | 'mimeType' | 'sizeBytes'
> & { unlocked?: boolean; metadata?: Record<string, unknown> | undefined };

/** A new version of the document that `externalId` names in its collection. */
export type NewVersion = NewDocument & Pick<DocumentRow, 'externalId' | 'version' | 'isCurrent'>;

/** Which documents a list has. What is left out does not limit it. */
export interface DocumentFilter extends CollectionScope {
  /** Of each external id all versions; else only the current one. */
  allVersions?: boolean | undefined;
  externalId?: string | undefined;
  statuses?: readonly DocumentStatus[] | undefined;
  errorCodes?: readonly string[] | undefined;
  /** Each of its words begins a word of the file name. */
  filename?: string | undefined;
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
}

// size_bytes is a bigint, which the driver returns as text. A number holds every upload's size exactly (up to 2^53).
const columns = `id, collection_id AS "collectionId", owner_id AS "ownerId", external_id AS "externalId", version,
  is_current AS "isCurrent", filename, source_path AS "sourcePath", content_hash AS "contentHash", mime_type AS "mimeType", size_bytes::float8 AS "sizeBytes", unlocked, title,
  page_count AS "pageCount", total_chunks AS "totalChunks", repair, metadata, status, error_code AS "errorCode", error,
  created_at AS "createdAt", updated_at AS "updatedAt",
  (SELECT j.id FROM jobs j WHERE j.document_id = documents.id AND j.kind = 'ingest'
   ORDER BY j.created_at DESC, j.id DESC LIMIT 1) AS "jobId"`;

export class Documents {
  constructor(private readonly sql: Sql) {}

  /** Inserts a queued document without an external id. @returns false when the collection already holds this content. */
  insertIfNew(document: NewDocument): Promise<boolean> {
    return this.insert({ ...document, externalId: null, version: 1, isCurrent: true });
  }

  /** Inserts a queued version. @returns false when this version, or a current one, exists. */
  insertVersion(version: NewVersion): Promise<boolean> {
    return this.insert(version);
  }

  private async insert(document: NewVersion): Promise<boolean> {
    const inserted = await this.sql.affected(
      `INSERT INTO documents (id, collection_id, owner_id, external_id, version, is_current, filename, source_path,
         content_hash, mime_type, size_bytes, unlocked, metadata)
       VALUES ($<id>, $<collectionId>, $<ownerId>, $<externalId>, $<version>, $<isCurrent>, $<filename>, $<sourcePath>,
               $<contentHash>, $<mimeType>, $<sizeBytes>, $<unlocked>, $<metadata>::jsonb)
       ON CONFLICT DO NOTHING`,
      { ...document, unlocked: document.unlocked ?? false, metadata: JSON.stringify(document.metadata ?? {}) },
    );
    return inserted === 1;
  }

  find(id: string): Promise<DocumentRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM documents WHERE id = $1`, [id]);
  }

  /** Finds the document without an external id that has this content. */
  findByContent(collectionId: string, contentHash: string): Promise<DocumentRow | null> {
    return this.sql.oneOrNone(
      `SELECT ${columns} FROM documents
       WHERE collection_id = $1 AND content_hash = $2 AND external_id IS NULL`,
      [collectionId, contentHash],
    );
  }

  /** Finds the current version of an external id and those that are newer, the newest first. */
  findStanding(collectionId: string, externalId: string): Promise<DocumentRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM documents
       WHERE collection_id = $<collectionId> AND external_id = $<externalId> AND version >= (
         SELECT version FROM documents c
         WHERE c.collection_id = $<collectionId> AND c.external_id = $<externalId> AND c.is_current)
       ORDER BY version DESC`,
      { collectionId, externalId },
    );
  }

  /** Lists the versions of an external id below one version number, the newest first. */
  listVersions(
    { collectionId, externalId }: Pick<DocumentRow, 'collectionId' | 'externalId'>,
    page: { below: number; limit: number },
  ): Promise<DocumentRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM documents
       WHERE collection_id = $<collectionId> AND external_id = $<externalId> AND version < $<below>
       ORDER BY version DESC LIMIT $<limit>`,
      { collectionId, externalId, ...page },
    );
  }

  /** Lists the documents that fit, the newest first. */
  async list(filter: DocumentFilter, page: ListPage): Promise<Listed<DocumentRow>[]> {
    const { collectionIds, exceptCollectionIds, allVersions = false, externalId = null } = filter;
    const { statuses = null, errorCodes = null, filename = null } = filter;
    const { createdAfter = null, createdBefore = null } = filter;
    const named = filename === null ? null : await findFewNamed(this.sql, filename);
    const fits = (isInScope: string) => `${isInScope}
         AND ${allVersions ? 'true' : 'is_current'} AND ${externalId === null ? 'true' : 'external_id = $<externalId>'}
         AND ${isOneOf('status', 'statuses')} AND ${isOneOf('error_code', 'errorCodes')}
         AND ${named === null ? isNamed('filename') : 'id = ANY($<named>::uuid[])'}
         AND ${isWithin('created_at', 'created')} AND ${isAfterPlace('created_at', 'id')}`;
    const isListed =
      named === null && collectionIds !== undefined
        ? `id = ANY(ARRAY(${newestInEach({ table: 'documents', time: 'created_at' }, fits)}))`
        : fits(isInCollections('collection_id', filter));
    return this.sql.many(
      `SELECT ${columns}, ${placeColumn('created_at')} FROM documents
       WHERE ${isListed} ORDER BY created_at DESC, id DESC LIMIT $<limit>`,
      {
        collectionIds,
        externalId,
        exceptCollectionIds,
        statuses,
        errorCodes,
        filename,
        named,
        createdAfter,
        createdBefore,
        ...placeValues(page),
      },
    );
  }

  /** Replaces the metadata. @returns the document, or null when it does not exist. */
  replaceMetadata(id: string, metadata: Record<string, unknown>): Promise<DocumentRow | null> {
    return this.sql.oneOrNone(
      `UPDATE documents SET metadata = $<metadata>::jsonb, updated_at = now() WHERE id = $<id> RETURNING ${columns}`,
      { id, metadata: JSON.stringify(metadata) },
    );
  }

  /** Returns the given blob keys that a document names as its original. */
  async findSourcePaths(keys: readonly string[]): Promise<Set<string>> {
    const rows = await this.sql.many<{ sourcePath: string }>(
      // A key ends with the document's id, so the primary key finds the row.
      `SELECT source_path AS "sourcePath" FROM documents
       WHERE id = ANY($<ids>::uuid[]) AND source_path = ANY($<keys>::text[])`,
      { ids: keys.map((key) => key.slice(-36)), keys },
    );
    return new Set(rows.map((row) => row.sourcePath));
  }

  /** Adds to the document's number of chunks. */
  async addChunks(id: string, count: number): Promise<void> {
    await this.sql.none(
      `UPDATE documents SET total_chunks = coalesce(total_chunks, 0) + $<count>, updated_at = now() WHERE id = $<id>`,
      { id, count },
    );
  }

  /** Records what was found by reading the file. */
  async describe(
    id: string,
    facts: { title: string | null; pageCount: number; totalChunks: number; repair: DocumentRepair | null },
  ): Promise<void> {
    await this.sql.none(
      `UPDATE documents SET title = $<title>, page_count = $<pageCount>, total_chunks = $<totalChunks>,
         repair = $<repair>, updated_at = now()
       WHERE id = $<id>`,
      { id, ...facts },
    );
  }
}
