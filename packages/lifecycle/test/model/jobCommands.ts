import { MillraceError, newId } from '@millrace/contracts';
import { newJobChunk, testReading } from '@millrace/test-support';
import { acceptedDocument, letLeasesExpire, newPage, noBackoff, testLease } from '@millrace/test-support/lifecycle';
import fc from 'fast-check';
import {
  acceptDocument,
  claimJob,
  expireJobLeases,
  failJob,
  releaseJob,
  renewJobLease,
  retryReading,
  storeChunks,
  storePages,
} from '../../src';
import { aClaim, anyOne, command, deliveriesOf, recent } from './command';
import { deliveryOf, end, endJob, endLease, type Model, newJobState, storeInModel } from './model';
import type { JobState } from './state';

/** Low limits, so that they are reached. */
const limits = fc.record({
  jobMaxRetries: fc.nat({ max: 3 }),
  chunkMaxRetries: fc.integer({ min: 1, max: 3 }),
});

/** The job that the claim still holds. */
function held(model: Model, claim: { jobId: string; token: string } | undefined): JobState | undefined {
  const job = claim && model.job(claim.jobId);
  return job?.status === 'chunking' && job.token === claim?.token ? job : undefined;
}

function queue(job: JobState): void {
  endLease(job);
  job.status = 'queued';
  job.dispatches += 1;
}

export const claim = command('claimJob', anyOne, {
  request: (world, choice) => world.job(choice).jobId,
  perform: async (world, jobId) => {
    const claim = await claimJob(world.database, { jobId, ...testLease });
    if (claim.outcome !== 'claimed') {
      return { outcome: claim.outcome };
    }
    world.jobClaims.push(claim.job);
    return { outcome: claim.outcome, token: claim.job.token, attempts: claim.job.attempts };
  },
  predict: (model, jobId, answer) => {
    const job = model.job(jobId);
    if (!job || !(job.status === 'queued' || (job.status === 'chunking' && job.leaseIsOver))) {
      return { outcome: job?.status === 'chunking' ? ('leased' as const) : ('gone' as const) };
    }
    job.attempts += 1;
    if (job.attempts > job.chunkMaxRetries) {
      endJob(model, job, 'failed', 'WORKER_LOST');
      return { outcome: 'gone' as const };
    }
    const token = answer.token ?? 'one';
    Object.assign(job, { status: 'chunking', token, leaseIsOver: false });
    model.documentOf(job).status = 'processing';
    return { outcome: 'claimed' as const, token, attempts: job.attempts };
  },
});

export const acceptNew = command('accept', limits, {
  request: (world, jobLimits) => ({ jobLimits, isFull: world.isFull }),
  perform: async (world, { jobLimits, isFull }) => {
    if (isFull) {
      return null;
    }
    const { document, job } = await acceptedDocument(world.database, jobLimits);
    world.jobs.push({ jobId: job.id, documentId: document.id, chunkIds: [] });
    return { jobId: job.id, documentId: document.id };
  },
  predict: (model, { jobLimits, isFull }, answer) => {
    if (isFull || !answer) {
      return null;
    }
    model.add(newJobState(answer.jobId, answer.documentId, jobLimits));
    return answer;
  },
});

export const store = command(
  'storeChunks',
  fc.record({ claim: aClaim, count: fc.integer({ min: 1, max: 5 }), badPage: fc.boolean() }),
  {
    request: (world, { claim, count, badPage }) => {
      const found = recent(world.jobClaims, claim);
      const isRereading = found?.kind === 'reread';
      return {
        claim: found,
        isRereading,
        pages: [...(isRereading ? [] : [newPage(1)]), newPage(2, badPage ? 'failed' : 'text')],
        // A page that still cannot be read gives no chunks.
        chunks: Array.from({ length: isRereading && badPage ? 0 : count }, (_, i) => newJobChunk(i, `Chunk ${i}`)),
      };
    },
    perform: async (world, { claim, isRereading, pages, chunks }) => {
      const store = isRereading ? storePages : storeChunks;
      const dispatches = claim && (await store(world.database, claim, { title: null, pages, chunks }));
      if (!dispatches) {
        return null;
      }
      const chunkIds = dispatches.map((dispatch) => dispatch.chunkId);
      world.jobs.find((job) => job.jobId === claim.jobId)?.chunkIds.push(...chunkIds);
      return deliveriesOf(dispatches);
    },
    predict: (model, { claim, isRereading, pages, chunks }) => {
      const job = held(model, claim);
      if (!job) {
        return null;
      }
      const chunkIds = chunks.map((chunk) => chunk.id);
      storeInModel(job, chunkIds);
      model.documentOf(job).failedPages = pages.filter((each) => each.outcome === 'failed').length;
      if (isRereading && chunks.length === 0) {
        end(model, job);
      }
      return job.chunks
        .filter((chunk) => chunkIds.includes(chunk.id))
        .map(deliveryOf)
        .sort();
    },
  },
);

export const letLeasesRunOut = command('let leases of jobs run out', fc.oneof(anyOne, fc.constant('all' as const)), {
  request: (world, choice) => (choice === 'all' ? world.jobs.map((job) => job.jobId) : [world.job(choice).jobId]),
  perform: async (world, jobIds) => letLeasesExpire(world.database, 'jobs', jobIds),
  predict: (model, jobIds) => {
    for (const job of model.jobs.filter(({ id }) => jobIds.includes(id))) {
      job.leaseIsOver = job.token !== null;
    }
  },
});

export const expire = command('expireJobLeases', fc.integer({ min: 1, max: 3 }), {
  request: (_world, limit) => limit,
  perform: async (world, limit) => {
    const { expired, dispatches } = await expireJobLeases(world.database, limit);
    return { expired, deliveries: deliveriesOf(dispatches) };
  },
  predict: (model, limit) => {
    const lost = model.jobs.filter((job) => job.status === 'chunking' && job.leaseIsOver).slice(0, limit);
    const again = lost.filter((job) => job.attempts < job.chunkMaxRetries);
    for (const job of lost) {
      if (again.includes(job)) {
        queue(job);
      } else {
        endJob(model, job, 'failed', 'WORKER_LOST');
      }
    }
    return { expired: lost.length, deliveries: again.map(deliveryOf).sort() };
  },
});

export const acceptAgain = command('acceptAgain', anyOne, {
  request: (world, choice) => world.job(choice),
  perform: async (world, { documentId }) => {
    const document = await world.database.documents.find(documentId);
    if (!document) {
      return null;
    }
    const options = { jobId: newId(), jobMaxRetries: 1, chunkMaxRetries: 1, reading: testReading };
    const accepted = await acceptDocument(world.database, { ...document, id: newId() }, options);
    if (!accepted.duplicate) {
      // The document was deleted in between.
      world.jobs.push({ jobId: accepted.job.id, documentId: accepted.document.id, chunkIds: [] });
    }
    return { duplicate: accepted.duplicate, jobId: accepted.job.id };
  },
  predict: (model, { jobId }) => (model.job(jobId) ? { duplicate: true, jobId } : null),
});

export const renew = command('renewJobLease', aClaim, {
  request: (world, choice) => recent(world.jobClaims, choice),
  perform: async (world, claim) => (claim ? renewJobLease(world.database, claim, testLease.leaseMs) : false),
  predict: (model, claim) => {
    const job = held(model, claim);
    if (job) {
      job.leaseIsOver = false;
    }
    return job !== undefined;
  },
});

export const release = command('releaseJob', aClaim, {
  request: (world, choice) => recent(world.jobClaims, choice),
  perform: async (world, claim) => deliveriesOf([(claim && (await releaseJob(world.database, claim))) ?? []].flat()),
  predict: (model, claim) => {
    const job = held(model, claim);
    if (!job) {
      return [];
    }
    queue(job);
    job.attempts -= 1;
    return [deliveryOf(job)];
  },
});

export const retryLater = command('retryReading', aClaim, {
  request: (world, choice) => recent(world.jobClaims, choice),
  perform: async (world, claim) => {
    const error = new MillraceError('STORAGE_UNAVAILABLE');
    return deliveriesOf([(claim && (await retryReading(world.database, claim, error, noBackoff))) ?? []].flat());
  },
  predict: (model, claim) => {
    const job = held(model, claim);
    if (!job) {
      return [];
    }
    queue(job);
    job.errorCode = 'STORAGE_UNAVAILABLE';
    return [deliveryOf(job)];
  },
});

export const failReading = command(
  'failJob',
  fc.record({ claim: aClaim, code: fc.constantFrom('PDF_CORRUPT', 'STORAGE_UNAVAILABLE') }),
  {
    request: (world, { claim, code }) => ({ claim: recent(world.jobClaims, claim), error: new MillraceError(code) }),
    perform: async (world, { claim, error }) => (claim ? failJob(world.database, claim, error) : null),
    predict: (model, { claim, error }) => {
      const job = held(model, claim);
      if (!job || !claim) {
        return null;
      }
      endJob(model, job, 'failed', error.code);
      if (job.kind === 'reread') {
        return { sourcePath: null };
      }
      model.documentOf(job).hasOriginal &&= error.retryable;
      return { sourcePath: error.retryable ? null : claim.sourcePath };
    },
  },
);
