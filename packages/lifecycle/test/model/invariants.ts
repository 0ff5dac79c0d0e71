import { type DocumentStatus, jobHasEnded } from '@millrace/contracts';
import { isOpen } from './model';
import type { ChunkState, DocumentState, JobState, Snapshot } from './state';

/** The rules that are broken. They must hold after any sequence of transitions. */
export function violations(now: Snapshot, before: Snapshot): string[] {
  return [
    ...now.documents.flatMap((document) =>
      brokenRules(
        documentRules(
          document,
          now.jobs.filter((job) => job.documentId === document.id),
        ),
        `document ${document.id} (${document.status})`,
      ),
    ),
    ...now.jobs.flatMap((job) => [
      ...brokenRules(jobRules(job, now.finished.has(job.id)), `job ${job.id} (${job.status})`),
      ...job.chunks.flatMap((chunk) => brokenRules(chunkRules(chunk, job), `chunk ${chunk.id} (${chunk.status})`)),
    ]),
    ...brokenRules(rulesOfChange(now, before), 'since the last look'),
  ];
}

type Rules = Record<string, boolean>;

function brokenRules(rules: Rules, where: string): string[] {
  return Object.entries(rules).flatMap(([rule, holds]) => (holds ? [] : [`${where}: ${rule}`]));
}

function documentRules(document: DocumentState, jobs: readonly JobState[]): Rules {
  const { status, failedPages, stored } = document;
  const chunks = jobs.flatMap((job) => job.chunks);
  const successes = chunks.filter((chunk) => chunk.status === 'success').length;
  const ingest = jobs.find((job) => job.kind === 'ingest');
  const isUnderWay = jobs.some((job) => !jobHasEnded(job.status));
  const isIn = (...statuses: DocumentStatus[]) => statuses.includes(status);
  const isComplete = ingest?.total !== null && successes === chunks.length && failedPages === 0;
  const isCancelled = ingest?.status === 'cancelled';
  const waitsOrReads = (job: JobState) => job.kind === 'reread' && ['queued', 'chunking'].includes(job.status);
  return {
    'it has one ingest job': jobs.filter((job) => job.kind === 'ingest').length === 1,
    'at most one reread job waits or reads': jobs.filter(waitsOrReads).length <= 1,
    'it is queued or processing exactly while one of its jobs has not ended':
      isUnderWay === isIn('queued', 'processing'),
    'it is queued only while its ingest job is': status !== 'queued' || ingest?.status === 'queued',
    'it is ready exactly if nothing is missing and its ingest job was not cancelled':
      isUnderWay || isCancelled || isIn('ready') === isComplete,
    'it is ready only if nothing is missing': !isIn('ready') || isComplete,
    'it is partial only if something is stored, and failed only if nothing is':
      (!isIn('partial') || stored > 0) && (!isIn('failed') || stored === 0),
    'it is cancelled only if its ingest job is': !isIn('cancelled') || isCancelled,
    'it says why exactly if it has ended without all it holds':
      (document.errorCode !== null) === isIn('partial', 'failed', 'cancelled'),
    'nothing is stored but the successes of its jobs': stored === successes,
  };
}

function jobRules(job: JobState, isFinished: boolean): Rules {
  const count = (status: ChunkState['status']) => job.chunks.filter((chunk) => chunk.status === status).length;
  const ended = jobHasEnded(job.status);
  const isBeingRead = job.status === 'queued' || job.status === 'chunking';
  return {
    'it has finished at some time exactly if it has ended': isFinished === ended,
    'a lease exists exactly while it is read': (job.token !== null) === (job.status === 'chunking'),
    'it has chunks exactly once they are stored': (job.total ?? 0) === job.chunks.length,
    'it has no chunks while it waits or is read': !isBeingRead || job.total === null,
    'it waits or is read as long as it has no chunks': ended || job.total !== null || isBeingRead,
    'its counters agree with its chunks': job.processed === count('success') && job.failed === count('failed'),
    'it has an open chunk exactly as long as it is neither read nor at its end':
      job.chunks.some(isOpen) === !(isBeingRead || ended),
    'its chunks are cancelled only if it is': job.status === 'cancelled' || count('cancelled') === 0,
    // Its pages may have been read by a reread job since.
    'it is completed only if none of its chunks is missing':
      job.status !== 'completed' || job.total === count('success'),
    'it has ended with errors only if something is stored': job.status !== 'completed_with_errors' || job.processed > 0,
    'it is not failed if one of its chunks is stored': job.status !== 'failed' || job.processed === 0,
  };
}

function chunkRules(chunk: ChunkState, job: JobState): Rules {
  return {
    'a lease exists exactly while it is worked on': (chunk.token !== null) === (chunk.status === 'processing'),
    'it is stored exactly if it is a success': chunk.stored === (chunk.status === 'success' ? 1 : 0),
    'it has a text as long as it may be worked on': chunk.hasText || !isOpen(chunk),
    'a failure has a code': chunk.status !== 'failed' || chunk.errorCode !== null,
    'no attempt is written down twice': chunk.recorded <= chunk.attempts,
    'it has no more attempts than it may': chunk.attempts <= chunk.maxRetries,
    'it may have the attempts that its job gives': chunk.maxRetries >= job.chunkMaxRetries,
  };
}

function rulesOfChange(now: Snapshot, before: Snapshot): Rules {
  const exists = new Set(now.jobs.flatMap((job) => job.chunks.map((chunk) => chunk.id)));
  const dispatches = new Map(before.jobs.flatMap((job) => [job, ...job.chunks]).map((row) => [row.id, row.dispatches]));
  return {
    'a success never changes': [...before.successes].every(
      ([id, touched]) => !exists.has(id) || now.successes.get(id) === touched,
    ),
    'the number of deliveries never falls': now.jobs
      .flatMap((job) => [job, ...job.chunks])
      .every((row) => row.dispatches >= (dispatches.get(row.id) ?? 0)),
  };
}
