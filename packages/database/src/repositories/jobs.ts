import type { JobChunkStatus, JobKind, JobStatus, ReadingOptions } from '@millrace/contracts';
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
import { isNotBeingDeleted } from './deletingCollections';
import type { WaitingRow } from './jobChunks';
import { findFewNamed } from './namedDocuments';

export interface JobRow {
  id: string;
  documentId: string;
  collectionId: string;
  kind: JobKind;
  status: JobStatus;
  currentStep: string;
  totalChunks: number | null;
  processedChunks: number;
  failedChunks: number;
  retryCount: number;
  maxRetries: number;
  chunkMaxRetries: number;
  errorCode: string | null;
  error: string | null;
  attempts: number;
  leaseExpiresAt: Date | null;
  dispatchCount: number;
  queueJobId: string;
  createdAt: Date;
  updatedAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** When its successful chunks and the attempts were removed from the history, or null. */
  prunedAt: Date | null;
}

export type NewJob = Pick<JobRow, 'id' | 'documentId' | 'collectionId' | 'kind' | 'maxRetries' | 'chunkMaxRetries'> & {
  reading: ReadingOptions;
};

/** Which jobs a list has. What is left out does not limit it. */
export interface JobFilter extends CollectionScope {
  documentId?: string | undefined;
  kinds?: readonly JobKind[] | undefined;
  statuses?: readonly JobStatus[] | undefined;
  errorCodes?: readonly string[] | undefined;
  /** Each of its words begins a word of the document's file name. */
  filename?: string | undefined;
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
  finishedAfter?: Date | undefined;
  finishedBefore?: Date | undefined;
}

/** A job with what tells its document apart. */
export interface ListedJobRow extends JobRow {
  filename: string;
}

/** The delivery that a job's row names. */
export interface JobDelivery {
  jobId: string;
  documentId: string;
  collectionId: string;
  queueJobId: string;
}

/** SQL: the file name of the document of job `j`. */
const filenameColumn = '(SELECT d.filename FROM documents d WHERE d.id = j.document_id)';

/** SQL: the columns of a JobRow, from job `j`. */
const columns = `j.id, j.document_id AS "documentId", j.collection_id AS "collectionId", j.kind, j.status, j.current_step AS "currentStep",
  j.total_chunks AS "totalChunks", j.processed_chunks AS "processedChunks", j.failed_chunks AS "failedChunks",
  j.retry_count AS "retryCount", j.max_retries AS "maxRetries", j.chunk_max_retries AS "chunkMaxRetries",
  j.error_code AS "errorCode", j.error, j.attempts, j.lease_expires_at AS "leaseExpiresAt",
  j.dispatch_count AS "dispatchCount", j.queue_job_id AS "queueJobId", j.created_at AS "createdAt",
  j.updated_at AS "updatedAt", j.started_at AS "startedAt", j.finished_at AS "finishedAt",
  j.pruned_at AS "prunedAt"`;

type UnsettledStatus = 'processing' | 'retry_scheduled' | 'cancelled';

const countOf = (status: UnsettledStatus) =>
  `(SELECT count(*)::integer FROM job_chunks c WHERE c.job_id = j.id AND c.status = '${status}') AS ${status}`;

export class Jobs {
  constructor(private readonly sql: Sql) {}

  /** Inserts a queued job whose first delivery is named in the row. */
  async insert(job: NewJob): Promise<void> {
    await this.sql.none(
      `INSERT INTO jobs (id, document_id, collection_id, kind, current_step, max_retries, chunk_max_retries, reading,
         dispatch_count, queue_job_id)
       VALUES ($<id>, $<documentId>, $<collectionId>, $<kind>, 'waiting for a chunker', $<maxRetries>, $<chunkMaxRetries>,
         $<reading>::jsonb, 1, $<id> || '.1')`,
      { ...job, reading: JSON.stringify(job.reading) },
    );
  }

  /** Inserts a queued job that reads the document's failed pages again, with the settings of its ingest job. */
  insertReread(job: { id: string; documentId: string; retryGroupId: string }): Promise<JobDelivery> {
    return this.sql.one(
      `INSERT INTO jobs (id, document_id, collection_id, kind, current_step, max_retries, chunk_max_retries, reading,
         dispatch_count, queue_job_id, retry_group_id)
       SELECT $<id>::uuid, document_id, collection_id, 'reread', 'waiting to read failed pages again', max_retries,
         chunk_max_retries, reading, 1, $<id> || '.1', $<retryGroupId>::uuid
       FROM jobs WHERE document_id = $<documentId> AND kind = 'ingest' ORDER BY created_at DESC, id DESC LIMIT 1
       RETURNING id AS "jobId", document_id AS "documentId", collection_id AS "collectionId",
         queue_job_id AS "queueJobId"`,
      job,
    );
  }

  find(id: string): Promise<JobRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM jobs j WHERE j.id = $1`, [id]);
  }

  /** Lists the jobs that fit, the newest first. */
  async list(filter: JobFilter, page: ListPage): Promise<Listed<ListedJobRow>[]> {
    const {
      collectionIds,
      exceptCollectionIds,
      documentId = null,
      kinds = null,
      statuses = null,
      errorCodes = null,
    } = filter;
    const { filename = null, createdAfter = null, createdBefore = null } = filter;
    const { finishedAfter = null, finishedBefore = null } = filter;
    const times = { createdAfter, createdBefore, finishedAfter, finishedBefore };
    const named = filename === null ? null : await findFewNamed(this.sql, filename);
    const fits = (isInScope: string) => `${isInScope}
         AND ${named === null ? isNamed(filenameColumn) : 'j.document_id = ANY($<named>::uuid[])'}
         AND ($<documentId> IS NULL OR j.document_id = $<documentId>) AND ${isOneOf('j.kind', 'kinds')}
         AND ${isOneOf('j.status', 'statuses')} AND ${isOneOf('j.error_code', 'errorCodes')}
         AND ${isWithin('j.created_at', 'created')} AND ${isWithin('j.finished_at', 'finished')}
         AND ${isAfterPlace('j.created_at', 'j.id')}`;
    const isListed =
      named === null && documentId === null && collectionIds !== undefined
        ? `j.id = ANY(ARRAY(${newestInEach({ table: 'jobs j', time: 'created_at' }, fits)}))`
        : fits(isInCollections('j.collection_id', filter));
    return this.sql.many(
      `SELECT ${columns}, ${placeColumn('j.created_at')}, ${filenameColumn} AS filename FROM jobs j
       WHERE ${isListed} ORDER BY j.created_at DESC, j.id DESC LIMIT $<limit>`,
      {
        collectionIds,
        exceptCollectionIds,
        documentId,
        kinds,
        statuses,
        errorCodes,
        filename,
        named,
        ...times,
        ...placeValues(page),
      },
    );
  }

  /** Moves all jobs of these documents, which are being moved to another collection. */
  async moveTo(documentIds: readonly string[], collectionId: string): Promise<void> {
    await this.sql.none(
      'UPDATE jobs SET collection_id = $<collectionId> WHERE document_id = ANY($<documentIds>::uuid[])',
      { documentIds, collectionId },
    );
  }

  /**
   * How many of the job's chunks have each status. Successes and failures come from the job's counters, which change in the
   * same transactions. So a request for a job of a hundred thousand chunks does not count them all.
   */
  async countChunks(id: string): Promise<Partial<Record<JobChunkStatus, number>>> {
    const row = await this.sql.oneOrNone<Record<'total' | 'success' | 'failed' | UnsettledStatus, number>>(
      `SELECT coalesce(j.total_chunks, 0) AS total, j.processed_chunks AS success, j.failed_chunks AS failed,
              ${countOf('processing')}, ${countOf('retry_scheduled')}, ${countOf('cancelled')}
       FROM jobs j WHERE j.id = $1`,
      [id],
    );
    if (!row) {
      return {};
    }
    const { total, ...counts } = row;
    const pending = total - Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { ...counts, pending };
  }

  /** Up to `limit` queued jobs that have waited for their delivery longer than `olderThanMs`, after this id, by id. */
  listWaiting(options: { after: string; olderThanMs: number; limit: number }): Promise<WaitingRow[]> {
    return this.sql.many(
      `SELECT id, 'documents' AS queue, queue_job_id AS "queueJobId", dispatch_count AS "dispatchCount" FROM jobs
       WHERE status = 'queued' AND id > $<after> AND updated_at NOT BETWEEN now() - $<olderThanMs> * interval '1 millisecond' AND now()
         AND ${isNotBeingDeleted('collection_id')}
       ORDER BY id LIMIT $<limit>`,
      options,
    );
  }
}
