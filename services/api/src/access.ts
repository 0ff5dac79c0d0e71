import { type Actor, type ErrorCode, idSchema, MillraceError } from '@millrace/contracts';
import type { Database, DocumentRow, JobChunkDetailRow, JobRow, RetryGroupRow } from '@millrace/database';

/** Who makes a request. Today there is one: the holder of the API key, who may do everything. */
export interface Principal extends Actor {
  kind: 'api-key';
}

/** The limits of a search or a retry, as the request names them. */
interface RequestedScope {
  collection_id?: string | undefined;
  document_id?: string | undefined;
}

/** The rows that a search or a retry may use. */
export interface Scope {
  collectionId: string | undefined;
  documentId: string | undefined;
}

/**
 * Finds the rows that one principal may use. Every id in a request is looked up here and nowhere else. A row that the
 * principal may not use is answered like a row that does not exist. A string that is not an id names no row.
 */
export class Access {
  constructor(
    readonly principal: Principal,
    private readonly database: Database,
  ) {}

  /** Finds a document. @throws MillraceError DOCUMENT_NOT_FOUND */
  async document(id: string): Promise<DocumentRow> {
    const document = isId(id) ? await this.database.documents.find(id) : null;
    return document ?? notFound('DOCUMENT_NOT_FOUND', `There is no document ${id}.`);
  }

  /** Finds a job. @throws MillraceError JOB_NOT_FOUND */
  async job(id: string): Promise<JobRow> {
    const job = isId(id) ? await this.database.jobs.find(id) : null;
    return job ?? notFound('JOB_NOT_FOUND', `There is no job ${id}.`);
  }

  /** Finds a chunk of a job. @throws MillraceError JOB_NOT_FOUND or CHUNK_NOT_FOUND */
  async jobChunk(jobId: string, chunkId: string): Promise<JobChunkDetailRow> {
    const { id } = await this.job(jobId);
    const chunk = isId(chunkId) ? await this.database.jobChunks.find(id, chunkId) : null;
    return chunk ?? notFound('CHUNK_NOT_FOUND', `The job has no chunk ${chunkId}.`);
  }

  /** Finds a retry group. @throws MillraceError RETRY_NOT_FOUND */
  async retryGroup(id: string): Promise<RetryGroupRow> {
    const group = isId(id) ? await this.database.retryGroups.find(id) : null;
    return group ?? notFound('RETRY_NOT_FOUND', `There is no retry group ${id}.`);
  }

  /** Finds a collection. @throws MillraceError COLLECTION_NOT_FOUND */
  async collection(id: string) {
    const collection = isId(id) ? await this.database.collections.find(id) : null;
    return collection ?? notFound('COLLECTION_NOT_FOUND', `There is no collection ${id}.`);
  }

  /** Limits a search or a retry to the collection and document that it names. */
  scope({ collection_id, document_id }: RequestedScope): Scope {
    return { collectionId: collection_id, documentId: document_id };
  }

  /** Checks that what the scope names exists. @throws MillraceError COLLECTION_NOT_FOUND or DOCUMENT_NOT_FOUND */
  async requireScope({ collectionId, documentId }: Scope): Promise<void> {
    if (collectionId !== undefined) {
      await this.collection(collectionId);
    }
    if (documentId !== undefined) {
      await this.document(documentId);
    }
  }
}

function isId(text: string): boolean {
  return idSchema.safeParse(text).success;
}

function notFound(code: ErrorCode, message: string): never {
  throw new MillraceError(code, message);
}
