import { z } from 'zod';

/** A document's life: see docs/lifecycle.md. `partial` is searchable and names what is missing. */
export const documentStatus = z.enum(['queued', 'processing', 'ready', 'partial', 'failed', 'cancelled']);
export type DocumentStatus = z.infer<typeof documentStatus>;

/** A job is one run over a document. `retrying` is the wait between two rounds. */
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

/** The job statuses nothing leads out of. */
export const endedJobStatuses = [
  'completed',
  'completed_with_errors',
  'failed',
  'cancelled',
] as const satisfies readonly JobStatus[];

/** True when the job has reached its end and will not change by itself any more. */
export function jobHasEnded(status: JobStatus): boolean {
  return (endedJobStatuses as readonly JobStatus[]).includes(status);
}

/** A job chunk is one unit of work in a job. */
export const jobChunkStatus = z.enum(['pending', 'processing', 'success', 'failed', 'retry_scheduled', 'cancelled']);
export type JobChunkStatus = z.infer<typeof jobChunkStatus>;

/** What became of one page of a document. */
export const pageOutcome = z.enum(['text', 'ocr', 'empty', 'failed']);
export type PageOutcome = z.infer<typeof pageOutcome>;

/** What a job does to its document. */
export const jobKind = z.enum(['ingest', 're-embed']);
export type JobKind = z.infer<typeof jobKind>;

/** How a broken PDF was made readable; pages may be lost where it was cut off. */
export const documentRepair = z.enum([
  /** The table that says where everything stands could not be used; the engine found the objects, and the list of pages. */
  'XREF_REBUILT',
  /** The table that says where everything stands was missing or wrong; the document's own list of pages was found. */
  'TRAILER_REBUILT',
  /** That list was lost as well: the pages that were found, in the order in which they stand in the file. */
  'PAGES_REBUILT',
  /** The engine could not read it even so; another one could, and wrote the pages that it found into a new file. */
  'REWRITTEN',
]);
export type DocumentRepair = z.infer<typeof documentRepair>;

/** True when pages may be missing that nothing names: the list that would name them was lost. */
export function mayLackPages(repair: DocumentRepair | null): boolean {
  return repair === 'PAGES_REBUILT' || repair === 'REWRITTEN';
}
