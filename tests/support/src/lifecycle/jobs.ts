import { type DocumentRepair, type DocumentStatus, type ErrorCode, newId } from '@millrace/contracts';
import {
  type Database,
  type DocumentRow,
  defaultCollectionId,
  type JobRow,
  type NewDocumentPage,
} from '@millrace/database';
import { acceptDocument, type ClaimedJob, claimJob, storeChunks } from '@millrace/lifecycle';
import { newJobChunk, testReading } from '../chunks';
import { claimAndSettle } from './chunks';
import { testLease } from './lease';
import { newDocument, newPage } from './rows';

export interface JobOptions {
  collectionId?: string | undefined;
  /** Makes the document a version. */
  externalId?: string;
  /** New content when left out. */
  contentHash?: string;
  /** 3 when left out. */
  jobMaxRetries?: number;
  /** 3 when left out. */
  chunkMaxRetries?: number;
}

export interface AcceptedDocument {
  document: DocumentRow;
  job: JobRow;
  documentId: string;
  jobId: string;
}

/** Accepts a document with new content. Its job is queued. */
export async function acceptedDocument(database: Database, options: JobOptions = {}): Promise<AcceptedDocument> {
  const { collectionId = defaultCollectionId, externalId = null, jobMaxRetries = 3, chunkMaxRetries = 3 } = options;
  const content = options.contentHash === undefined ? {} : { contentHash: options.contentHash };
  const { document, job } = await acceptDocument(
    database,
    { ...newDocument({ collectionId, ...content }), externalId },
    { jobId: newId(), jobMaxRetries, chunkMaxRetries, reading: testReading },
  );
  return { document, job, documentId: document.id, jobId: job.id };
}

/** Claims a job as a chunker does. */
export async function claimedJob(database: Database, jobId: string): Promise<ClaimedJob> {
  const claim = await claimJob(database, { jobId, ...testLease });
  if (claim.outcome !== 'claimed') {
    throw new Error(`The job cannot be claimed: it is ${claim.outcome}.`);
  }
  return claim.job;
}

export interface ChunkedOptions extends JobOptions {
  /** All pages of the document. One page for each chunk when left out. */
  pages?: NewDocumentPage[];
  /** Numbers of pages that could not be read, besides `pages`. */
  failedPages?: number[];
  repair?: DocumentRepair;
}

export interface ChunkedDocument {
  documentId: string;
  jobId: string;
  /** In reading order. */
  chunkIds: string[];
}

/** Makes a document that was read into this many pending chunks. */
export async function chunkedDocument(
  database: Database,
  count: number,
  options: ChunkedOptions = {},
): Promise<ChunkedDocument> {
  const { documentId, jobId } = await acceptedDocument(database, options);
  const chunks = Array.from({ length: count }, (_, i) => newJobChunk(i, `Chunk ${i} of document ${documentId}`));
  const { pages = chunks.map((_, i) => newPage(i + 1)), failedPages = [], repair = null } = options;
  await storeChunks(database, await claimedJob(database, jobId), {
    title: null,
    repair,
    pages: [...pages, ...failedPages.map((number) => newPage(number, 'failed'))],
    chunks,
  });
  return { documentId, jobId, chunkIds: chunks.map((chunk) => chunk.id) };
}

export interface EndedOptions extends ChunkedOptions {
  /** The codes of the chunks that failed, by index. */
  failures?: Record<number, ErrorCode>;
}

/** Makes a document whose job has ended, with this many chunks. All but `failures` are stored. */
export async function endedDocument(
  database: Database,
  count: number,
  { failures = {}, ...options }: EndedOptions = {},
): Promise<ChunkedDocument> {
  const made = await chunkedDocument(database, count, { jobMaxRetries: 0, ...options });
  const codes = Object.entries(failures).map(([index, code]) => [made.chunkIds[Number(index)], code] as const);
  await claimAndSettle(database, made.chunkIds, Object.fromEntries(codes));
  return made;
}

/** Reads a job. */
export async function jobOf(database: Database, jobId: string): Promise<JobRow> {
  const job = await database.jobs.find(jobId);
  if (!job) {
    throw new Error(`There is no job ${jobId}.`);
  }
  return job;
}

/** Reads the status of a document. */
export async function documentStatusOf(database: Database, documentId: string): Promise<DocumentStatus | undefined> {
  return (await database.documents.find(documentId))?.status;
}
