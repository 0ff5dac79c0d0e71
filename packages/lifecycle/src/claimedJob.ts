import type { ReadingOptions } from '@millrace/contracts';

/** A job that a chunker holds. */
export type ClaimedJob = ClaimedIngest | ClaimedReread;

/** A job that reads the whole document. */
export interface ClaimedIngest extends ClaimedReading {
  kind: 'ingest';
}

/** A job that reads the failed pages of a document again. */
export interface ClaimedReread extends ClaimedReading {
  kind: 'reread';
  /** In order. */
  failedPages: number[];
  /** The pages that stand for files within the document, which are not read again. */
  unreadFiles: number[];
}

interface ClaimedReading {
  jobId: string;
  documentId: string;
  collectionId: string;
  ownerId: string;
  /** Key of the original in the blob store, or null when it has been removed. */
  sourcePath: string | null;
  mimeType: string;
  reading: ReadingOptions;
  chunkMaxRetries: number;
  attempts: number;
  token: string;
}

/** The lease of a claimed job. */
export type JobLease = Pick<ClaimedReading, 'jobId' | 'token'>;
