import type { ReadingOptions } from '@millrace/contracts';

/** A job that a chunker holds. */
export type ClaimedJob = ClaimedIngest | ClaimedReread;

/** The whole document is to be read. */
export interface ClaimedIngest extends ClaimedReading {
  kind: 'ingest';
}

/** The failed pages of a document are to be read again. */
export interface ClaimedReread extends ClaimedReading {
  kind: 'reread';
  /** In order. */
  failedPages: number[];
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
