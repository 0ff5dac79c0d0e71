import { type JobStatus, jobHasEnded } from '@millrace/contracts';
import { testActor } from '@millrace/test-support/lifecycle';
import fc from 'fast-check';
import { cancelJob, countRetries, deleteDocument, retryJob, retryMany, retryPages } from '../../src';
import { anyOne, command, deliveriesOf, some } from './command';
import { deliveryOf, endJob, endLease, fail, isOpen, type Model, newJobState } from './model';
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
function whyNot(chunk: ChunkState, { errorCodes, force }: Filter) {
  if (chunk.status === 'success') {
    return 'succeeded' as const;
  }
  if (isOpen(chunk)) {
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
      Object.assign(job, { status, errorCode: null } satisfies Partial<JobState>);
      model.refresh(job);
    }
  }
  return chunks.map(deliveryOf).sort();
}

/** Ended before its document had chunks. A reread job is never restarted. */
const endedUnread = (job: JobState) =>
  job.kind === 'ingest' && job.total === null && ['failed', 'cancelled'].includes(job.status);

/** failed | cancelled -> queued, for a job without chunks. @returns the delivery, or null when it cannot be restarted. */
function restart(model: Model, job: JobState, errorCodes: readonly string[] | undefined): string | null {
  const document = model.documentOf(job);
  const fits = !errorCodes || errorCodes.includes(job.errorCode ?? '');
  if (!endedUnread(job) || !document.hasOriginal || !fits) {
    return null;
  }
  Object.assign(job, { status: 'queued', attempts: 0, errorCode: null });
  Object.assign(document, { status: 'queued', errorCode: null });
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
      const retried = await retryJob(world.database, jobId, filter, testActor);
      return (
        retried && {
          grouped: retried.groupId !== null,
          deliveries: deliveriesOf(retried.chunks),
          restarted: retried.job?.queueJobId ?? null,
          skipped: retried.skipped.sort(byId),
        }
      );
    },
    predict: (model, { jobId, filter }) => {
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
          const reason = whyNot(chunk, filter);
          return reason ? [{ id: chunk.id, reason }] : [];
        }),
        ...(chunkIds ?? []).filter((id) => !known.includes(id)).map((id) => ({ id, reason: 'not_found' as const })),
      ];
      const restarted = chunkIds ? null : restart(model, job, errorCodes);
      const deliveries = schedule(
        model,
        looked.filter((chunk) => whyNot(chunk, filter) === null),
      );
      const grouped = restarted !== null || deliveries.length > 0;
      return { grouped, deliveries, restarted, skipped: skipped.sort(byId) };
    },
  },
);

/** The conditions of a bulk retry. */
function selected(model: Model, { documentId, errorCodes, force }: Filter & { documentId?: string | undefined }) {
  const jobs = model.jobs.filter((job) => job.status !== 'cancelled' && (!documentId || job.documentId === documentId));
  const fits = (code: string | null) => !errorCodes || errorCodes.includes(code ?? '');
  const looked = jobs
    .flatMap((job) => job.chunks)
    .filter((chunk) => chunk.status === 'failed' && fits(chunk.errorCode));
  const failed = jobs.filter((job) => job.status === 'failed' && endedUnread(job) && fits(job.errorCode));
  const unread = failed.filter((job) => model.documentOf(job).hasOriginal);
  const reasons = [
    ...looked.flatMap((chunk) => whyNot(chunk, { force }) ?? []),
    ...failed.filter((job) => !model.documentOf(job).hasOriginal).map(() => 'original_removed' as const),
  ];
  const skipped = [...new Set(reasons)].map((reason) => ({
    reason,
    count: reasons.filter((each) => each === reason).length,
  }));
  const eligible = looked.filter((chunk) => whyNot(chunk, { force }) === null);
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
      const { groupId, skipped, ...counts } = await retryMany(world.database, selection, {
        request: {},
        actor: testActor,
        deliver: async ({ chunks, jobs }) => {
          deliveries.push(...deliveriesOf(chunks));
          restarted.push(...deliveriesOf(jobs));
        },
      });
      return { ...counts, skipped: skipped.sort(byReason), grouped: groupId !== null, deliveries, restarted };
    },
    predict: (model, selection) => {
      const { eligible, unread, ...counted } = selected(model, selection);
      const restarted = unread.flatMap((job) => restart(model, job, selection.errorCodes) ?? []);
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
    const retried = await retryPages(world.database, jobId, testActor);
    if (retried?.outcome !== 'queued') {
      return retried?.outcome ?? null;
    }
    const { job } = retried;
    world.jobs.push({ jobId: job.jobId, documentId: job.documentId, chunkIds: [] });
    return job.queueJobId;
  },
  predict: (model, jobId, answer) => {
    const job = model.job(jobId);
    if (!job) {
      return null;
    }
    const jobs = model.jobsOf(job.documentId);
    if (jobs.some((each) => !jobHasEnded(each.status))) {
      return 'in_progress';
    }
    const ingest = jobs.find((each) => each.kind === 'ingest');
    if (!ingest || ingest.total === null || model.documentOf(job).failedPages === 0) {
      return 'no_failed_pages';
    }
    const limits = { jobMaxRetries: ingest.maxRounds, chunkMaxRetries: ingest.chunkMaxRetries };
    const reread = newJobState(String(answer).replace(/\.1$/, ''), job.documentId, limits, 'reread');
    model.add(reread);
    model.refresh(reread);
    return deliveryOf(reread);
  },
});

export const cancel = command('cancelJob', anyOne, {
  request: (world, choice) => world.job(choice).jobId,
  perform: (world, jobId) => cancelJob(world.database, jobId, testActor),
  predict: (model, jobId) => {
    const job = model.job(jobId);
    if (!job) {
      return null;
    }
    if (jobHasEnded(job.status)) {
      return job.status === 'cancelled' ? 'cancelled' : 'ended';
    }
    for (const chunk of job.chunks.filter(isOpen)) {
      chunk.attempts -= chunk.status === 'processing' ? 1 : 0;
      endLease(chunk);
      Object.assign(chunk, {
        status: 'cancelled',
        errorCode: 'CANCELLED',
        isPutOff: false,
      } satisfies Partial<ChunkState>);
    }
    endJob(model, job, 'cancelled', 'CANCELLED');
    return 'cancelled';
  },
});

export const count = command('countRetries', fc.record({ errorCodes: codes, force: fc.boolean() }), {
  request: (_world, selection) => selection,
  perform: async (world, selection) => {
    const { skipped, ...counts } = await countRetries(world.database, selection);
    return { ...counts, skipped: skipped.sort(byReason) };
  },
  predict: (model, selection) => {
    const { eligible: _eligible, unread: _unread, ...counted } = selected(model, selection);
    return counted;
  },
});

function removeAll<T>(items: T[], isRemoved: (item: T) => boolean): void {
  items.splice(0, items.length, ...items.filter((item) => !isRemoved(item)));
}

export const remove = command('deleteDocument', anyOne, {
  request: (world, choice) => world.job(choice).documentId,
  perform: async (world, documentId) => {
    const deleted = await deleteDocument(world.database, documentId, testActor);
    if (deleted) {
      removeAll(world.jobs, (job) => job.documentId === documentId);
    }
    return deleted;
  },
  predict: (model, documentId) => {
    const document = model.document(documentId);
    removeAll(model.jobs, (job) => job.documentId === documentId);
    removeAll(model.documents, ({ id }) => id === documentId);
    return document ? { documents: 1, sourcePaths: document.hasOriginal ? [`originals/${documentId}`] : [] } : null;
  },
});

export const letTextsExpire = command('let texts that are kept for a retry expire', fc.constant(null), {
  request: () => null,
  perform: (world) => world.database.jobChunks.removePayloads({ olderThanMs: 0, limit: 1_000 }),
  predict: (model) => {
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
