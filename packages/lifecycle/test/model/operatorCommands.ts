import { type JobStatus, jobHasEnded } from '@millrace/contracts';
import fc from 'fast-check';
import { cancelJob, countRetries, deleteDocument, retryJob, retryMany, retryPages } from '../../src';
import { anyOne, command, deliveriesOf, some } from './command';
import { deliveryOf, endJob, endLease, endReading, fail, isOpen, type Model } from './model';
import type { ChunkState, JobState } from './state';

const codes: fc.Arbitrary<string[] | undefined> = fc.option(
  fc.uniqueArray(
    fc.constantFrom('EMBEDDING_UNAVAILABLE', 'EMBEDDING_REJECTED', 'WORKER_LOST', 'STORAGE_UNAVAILABLE', 'CANCELLED'),
    { minLength: 1, maxLength: 3 },
  ),
  { nil: undefined, freq: 2 },
);

interface Filter {
  errorCodes?: readonly string[] | undefined;
  force: boolean;
}

/** Null when the chunk can be retried. */
function whyNot(model: Model, chunk: ChunkState, { errorCodes, force }: Filter) {
  if (chunk.status === 'success') {
    return 'succeeded' as const;
  }
  // While failed pages of its document are read again, it waits for that.
  if (isOpen(chunk) || ['queued', 'chunking'].includes(model.job(chunk.jobId)?.status ?? '')) {
    return 'in_progress' as const;
  }
  if (errorCodes && !errorCodes.includes(chunk.errorCode ?? '')) {
    return 'other_error_code' as const;
  }
  if (!chunk.hasText) {
    return 'payload_expired' as const;
  }
  return chunk.attempts >= chunk.maxRetries && !force ? ('attempts_exhausted' as const) : null;
}

/** failed | cancelled -> retry_scheduled, and their jobs go on. @returns the deliveries. */
function schedule(model: Model, chunks: readonly ChunkState[]): string[] {
  for (const job of model.jobs) {
    const own = chunks.filter((chunk) => chunk.jobId === job.id);
    if (own.length > 0) {
      job.failed -= own.filter((chunk) => chunk.status === 'failed').length;
      for (const chunk of own) {
        chunk.status = 'retry_scheduled';
        chunk.isPutOff = false;
        chunk.dispatches += 1;
        chunk.maxRetries = Math.max(chunk.maxRetries, chunk.attempts + 1);
      }
      for (const chunk of job.chunks.filter((each) => each.status === 'cancelled')) {
        fail(chunk, 'CANCELLED');
        job.failed += 1;
      }
      job.rounds += 1;
      job.maxRounds += 1;
      const status: JobStatus = job.status === 'processing' ? 'processing' : 'retrying';
      Object.assign(job, { status, documentStatus: 'processing', errorCode: null } satisfies Partial<JobState>);
    }
  }
  return chunks.map(deliveryOf).sort();
}

/** failed | cancelled -> queued, for a job without chunks. @returns the delivery, or null when it cannot be. */
function restart(job: JobState, errorCodes: readonly string[] | undefined): string | null {
  const fits = !errorCodes || errorCodes.includes(job.errorCode ?? '');
  if (job.total !== null || !['failed', 'cancelled'].includes(job.status) || !job.hasOriginal || !fits) {
    return null;
  }
  Object.assign(job, { status: 'queued', documentStatus: 'queued', attempts: 0, errorCode: null });
  job.rounds += 1;
  job.maxRounds += 1;
  job.dispatches += 1;
  return deliveryOf(job);
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
const byReason = (a: { reason: string }, b: { reason: string }) => (a.reason < b.reason ? -1 : 1);

export const retry = command(
  'retryJob',
  fc.record({
    job: anyOne,
    chunks: fc.option(some, { nil: undefined, freq: 2 }),
    errorCodes: codes,
    force: fc.boolean(),
  }),
  {
    request: (world, { job, chunks, errorCodes, force }) => ({
      jobId: world.job(job).jobId,
      filter: { chunkIds: chunks && world.chunkIds(chunks), errorCodes, force },
    }),
    perform: async (world, { jobId, filter }) => {
      const retried = await retryJob(world.database, jobId, filter);
      return (
        retried && {
          grouped: retried.groupId !== null,
          deliveries: deliveriesOf(retried.chunks),
          restarted: retried.job?.queueJobId ?? null,
          skipped: retried.skipped.sort(byId),
        }
      );
    },
    foresee: (model, { jobId, filter }) => {
      const job = model.job(jobId);
      if (!job) {
        return null;
      }
      const { chunkIds, errorCodes } = filter;
      const looked = chunkIds
        ? job.chunks.filter((chunk) => chunkIds.includes(chunk.id))
        : job.chunks.filter(
            (chunk) =>
              ['failed', 'cancelled'].includes(chunk.status) &&
              (!errorCodes || errorCodes.includes(chunk.errorCode ?? '')),
          );
      const known = looked.map((chunk) => chunk.id);
      const skipped = [
        ...looked.flatMap((chunk) => {
          const reason = whyNot(model, chunk, filter);
          return reason ? [{ id: chunk.id, reason }] : [];
        }),
        ...(chunkIds ?? []).filter((id) => !known.includes(id)).map((id) => ({ id, reason: 'not_found' as const })),
      ];
      const restarted = chunkIds ? null : restart(job, errorCodes);
      const deliveries = schedule(
        model,
        looked.filter((chunk) => whyNot(model, chunk, filter) === null),
      );
      const grouped = restarted !== null || deliveries.length > 0;
      return { grouped, deliveries, restarted, skipped: skipped.sort(byId) };
    },
  },
);

/** What a bulk retry finds. */
function selected(model: Model, { documentId, errorCodes, force }: Filter & { documentId?: string | undefined }) {
  const jobs = model.jobs.filter((job) => job.status !== 'cancelled' && (!documentId || job.documentId === documentId));
  const fits = (code: string | null) => !errorCodes || errorCodes.includes(code ?? '');
  const looked = jobs
    .flatMap((job) => job.chunks)
    .filter((chunk) => chunk.status === 'failed' && fits(chunk.errorCode));
  const failed = jobs.filter((job) => job.status === 'failed' && job.total === null && fits(job.errorCode));
  const unread = failed.filter((job) => job.hasOriginal);
  const reasons = [
    ...looked.flatMap((chunk) => whyNot(model, chunk, { force }) ?? []),
    ...failed.filter((job) => !job.hasOriginal).map(() => 'original_removed' as const),
  ];
  const skipped = [...new Set(reasons)].map((reason) => ({
    reason,
    count: reasons.filter((each) => each === reason).length,
  }));
  const eligible = looked.filter((chunk) => whyNot(model, chunk, { force }) === null);
  return {
    eligible,
    unread,
    scheduled: eligible.length,
    jobs: new Set(eligible.map((chunk) => chunk.jobId)).size,
    jobsRestarted: unread.length,
    skipped: skipped.sort(byReason),
  };
}

export const retryAll = command(
  'retryMany',
  fc.record({ document: fc.option(anyOne, { nil: undefined, freq: 2 }), errorCodes: codes, force: fc.boolean() }),
  {
    request: (world, { document, errorCodes, force }) => ({
      documentId: document === undefined ? undefined : world.job(document).documentId,
      errorCodes,
      force,
    }),
    perform: async (world, selection) => {
      const deliveries: string[] = [];
      const restarted: string[] = [];
      const { groupId, skipped, ...counts } = await retryMany(world.database, selection, async ({ chunks, jobs }) => {
        deliveries.push(...deliveriesOf(chunks));
        restarted.push(...deliveriesOf(jobs));
      });
      return { ...counts, skipped: skipped.sort(byReason), grouped: groupId !== null, deliveries, restarted };
    },
    foresee: (model, selection) => {
      const { eligible, unread, ...counted } = selected(model, selection);
      const restarted = unread.flatMap((job) => restart(job, selection.errorCodes) ?? []);
      return {
        ...counted,
        grouped: eligible.length + restarted.length > 0,
        deliveries: schedule(model, eligible),
        restarted: restarted.sort(),
      };
    },
  },
);

export const rereadPages = command('retryPages', anyOne, {
  request: (world, choice) => world.job(choice).jobId,
  perform: async (world, jobId) => {
    const retried = await retryPages(world.database, jobId);
    return retried?.outcome === 'queued' ? retried.job.queueJobId : (retried?.outcome ?? null);
  },
  foresee: (model, jobId) => {
    const job = model.job(jobId);
    if (!job) {
      return null;
    }
    if (!jobHasEnded(job.status)) {
      return 'in_progress';
    }
    if (job.total === null || job.failedPages === 0) {
      return 'no_failed_pages';
    }
    for (const chunk of job.chunks.filter((each) => each.status === 'cancelled')) {
      fail(chunk, 'CANCELLED');
      job.failed += 1;
    }
    Object.assign(job, { status: 'queued', documentStatus: 'processing', attempts: 0, errorCode: null });
    job.rounds += 1;
    job.maxRounds += 1;
    job.dispatches += 1;
    return deliveryOf(job);
  },
});

export const cancel = command('cancelJob', anyOne, {
  request: (world, choice) => world.job(choice).jobId,
  perform: (world, jobId) => cancelJob(world.database, jobId),
  foresee: (model, jobId) => {
    const job = model.job(jobId);
    if (!job) {
      return null;
    }
    if (jobHasEnded(job.status)) {
      return job.status === 'cancelled' ? 'cancelled' : 'ended';
    }
    if (job.total !== null && (job.status === 'queued' || job.status === 'chunking')) {
      endReading(job, 'CANCELLED');
      return 'cancelled';
    }
    endJob(job, 'cancelled', 'CANCELLED');
    for (const chunk of job.chunks.filter(isOpen)) {
      chunk.attempts -= chunk.status === 'processing' ? 1 : 0;
      endLease(chunk);
      Object.assign(chunk, {
        status: 'cancelled',
        errorCode: 'CANCELLED',
        isPutOff: false,
      } satisfies Partial<ChunkState>);
    }
    return 'cancelled';
  },
});

export const count = command('countRetries', fc.record({ errorCodes: codes, force: fc.boolean() }), {
  request: (_world, selection) => selection,
  perform: async (world, selection) => {
    const { skipped, ...counts } = await countRetries(world.database, selection);
    return { ...counts, skipped: skipped.sort(byReason) };
  },
  foresee: (model, selection) => {
    const { eligible: _eligible, unread: _unread, ...counted } = selected(model, selection);
    return counted;
  },
});

export const remove = command('deleteDocument', anyOne, {
  request: (world, choice) => world.job(choice).documentId,
  perform: async (world, documentId) => {
    const deleted = await deleteDocument(world.database, documentId);
    const index = world.jobs.findIndex((job) => job.documentId === documentId);
    if (deleted && index >= 0) {
      world.jobs.splice(index, 1);
    }
    return deleted;
  },
  foresee: (model, documentId) => {
    const index = model.jobs.findIndex((job) => job.documentId === documentId);
    const [job] = index < 0 ? [] : model.jobs.splice(index, 1);
    return job ? { sourcePath: job.hasOriginal ? `originals/${documentId}` : null } : null;
  },
});

export const letTextsExpire = command('let texts that are kept for a retry expire', fc.constant(null), {
  request: () => null,
  perform: (world) => world.database.jobChunks.removePayloads({ olderThanMs: 0, limit: 1_000 }),
  foresee: (model) => {
    const kept = model.jobs
      .filter((job) => jobHasEnded(job.status))
      .flatMap((job) => job.chunks)
      .filter((chunk) => ['failed', 'cancelled'].includes(chunk.status) && chunk.hasText);
    for (const chunk of kept) {
      chunk.hasText = false;
    }
    return kept.length;
  },
});
