import { type DocumentStatus, type JobStatus, jobHasEnded } from '@millrace/contracts';
import { isOpen } from './model';
import type { ChunkState, JobState, Snapshot } from './state';

const documentStatuses: Record<JobStatus, readonly DocumentStatus[]> = {
  // A job that was put back has a document that was being processed.
  queued: ['queued', 'processing'],
  chunking: ['processing'],
  processing: ['processing'],
  retrying: ['processing'],
  completed: ['ready'],
  completed_with_errors: ['partial'],
  failed: ['failed'],
  cancelled: ['cancelled'],
};

/** What must hold whatever has happened, and does not. */
export function violations(now: Snapshot, before: Snapshot): string[] {
  return [
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

function jobRules(job: JobState, isFinished: boolean): Rules {
  const count = (status: ChunkState['status']) => job.chunks.filter((chunk) => chunk.status === status).length;
  const ended = jobHasEnded(job.status);
  const isBeingRead = job.status === 'queued' || job.status === 'chunking';
  return {
    'its document has the status that fits': documentStatuses[job.status].includes(job.documentStatus),
    'it has finished at some time exactly if it has ended': isFinished === ended,
    'a lease exists exactly while it is read': (job.token !== null) === (job.status === 'chunking'),
    'it has chunks exactly once they are stored': (job.total ?? 0) === job.chunks.length,
    'it waits or is read as long as it has no chunks': ended || job.total !== null || isBeingRead,
    'its counters agree with its chunks': job.processed === count('success') && job.failed === count('failed'),
    'it has an open chunk exactly as long as it is neither read nor at its end':
      job.chunks.some(isOpen) === !(isBeingRead || ended),
    'its chunks are cancelled only if it is': job.status === 'cancelled' || count('cancelled') === 0,
    'it is completed exactly if nothing is missing':
      !ended || (job.status === 'completed') === (job.total === count('success') && job.failedPages === 0),
    'nothing is stored but its successes': job.stored === count('success'),
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
