import type { ReadingOptions } from '@millrace/contracts';

/** A job that a chunker holds. */
export interface ClaimedJob {
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
  /** For a job of the kind `reread`, the pages to read, in order; null when the whole document is to be read. */
  failedPages: number[] | null;
  token: string;
}

/** The lease of a claimed job. */
export type JobLease = Pick<ClaimedJob, 'jobId' | 'token'>;
