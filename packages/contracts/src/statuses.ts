import { z } from 'zod';

/** The statuses of a document: see docs/lifecycle.md. A `partial` document is searchable and names what is missing. */
export const documentStatus = z.enum(['queued', 'processing', 'ready', 'partial', 'failed', 'cancelled']);
export type DocumentStatus = z.infer<typeof documentStatus>;

/** The statuses of a collection. A collection that is being deleted is hidden. The reconciler removes its documents. */
export const collectionStatus = z.enum(['active', 'deleting']);
export type CollectionStatus = z.infer<typeof collectionStatus>;

/** The statuses of a job, which is one run over a document. `retrying` is the wait between two rounds. */
export const jobStatus = z.enum([
  'queued',
  'chunking',
  'processing',
  'retrying',
  'completed',
  'completed_with_errors',
  'failed',
  'cancelled',
]);
export type JobStatus = z.infer<typeof jobStatus>;

/** The statuses of a job that has ended. */
const endedJobStatuses = [
  'completed',
  'completed_with_errors',
  'failed',
  'cancelled',
] as const satisfies readonly JobStatus[];

/** Returns true when the job has ended. */
export function jobHasEnded(status: JobStatus): boolean {
  return (endedJobStatuses as readonly JobStatus[]).includes(status);
}

/** The statuses of a job chunk, which is one unit of work in a job. */
export const jobChunkStatus = z.enum(['pending', 'processing', 'success', 'failed', 'retry_scheduled', 'cancelled']);
export type JobChunkStatus = z.infer<typeof jobChunkStatus>;

/** What became of one page of a document. */
export const pageOutcome = z.enum(['text', 'ocr', 'empty', 'failed']);
export type PageOutcome = z.infer<typeof pageOutcome>;

/** What was wrong with a page's text layer: it was replaced by a better reading, or is stored and cannot be right. */
export const textLayer = z.enum(['replaced', 'suspect']);
export type TextLayer = z.infer<typeof textLayer>;

/** What a job does: see docs/lifecycle.md. */
export const jobKind = z.enum(['ingest', 'reread', 're-embed']);
export type JobKind = z.infer<typeof jobKind>;

/** How a broken PDF was made readable. Pages may be lost when the file was cut off. */
export const documentRepair = z.enum([
  /** The cross-reference table was unusable. The engine found the objects and the list of pages. */
  'XREF_REBUILT',
  /** The cross-reference table was missing or wrong. The document's own list of pages was found. */
  'TRAILER_REBUILT',
  /** The list of pages was lost as well. The pages that were found have the order of the file. */
  'PAGES_REBUILT',
  /** The engine could not read the repaired file. Another one could, and wrote the pages that it found into a new file. */
  'REWRITTEN',
]);
export type DocumentRepair = z.infer<typeof documentRepair>;

/** Returns true when pages may be missing without a name, because the list of pages was lost. */
export function mayLackPages(repair: DocumentRepair | null): boolean {
  return repair === 'PAGES_REBUILT' || repair === 'REWRITTEN';
}
