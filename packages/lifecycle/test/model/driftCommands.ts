import { jobHasEnded } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { firstId, noBackoff } from '@millrace/test-support/lifecycle';
import fc from 'fast-check';
import { findDriftedJobs, reconcileCounters } from '../../src';
import { anyOne, command, roundsOf } from './command';
import { endRound, isOpen } from './model';
import type { JobState } from './state';

/** Changes that make a job drift, in SQL, and the jobs to which they apply. */
const disturbances = {
  'more stored': { set: 'processed_chunks = processed_chunks + 1', when: () => true },
  'fewer stored': { set: 'processed_chunks = processed_chunks - 2', when: () => true },
  'more failed': { set: 'failed_chunks = failed_chunks + 1', when: () => true },
  'fewer failed': {
    set: 'processed_chunks = processed_chunks + 1, failed_chunks = failed_chunks - 1',
    when: () => true,
  },
  'not ended': {
    set: `status = 'processing', finished_at = NULL`,
    when: (job: JobState) => jobHasEnded(job.status),
  },
  'ended too early': {
    set: `status = 'completed', finished_at = now()`,
    when: (job: JobState) => !jobHasEnded(job.status),
  },
} as const;

async function reconcileAll(database: Database) {
  const { drifted } = await findDriftedJobs(database, { after: firstId, limit: 100, endedWithinMs: 3_600_000 });
  const rounds = [];
  for (const jobId of drifted) {
    const { reconciled, round } = await reconcileCounters(database, jobId, noBackoff);
    rounds.push({ jobId, reconciled, round: round && roundsOf([round])[0] });
  }
  return rounds;
}

/** The sweep looks at jobs that have their chunks and are not cancelled. */
const isLookedAt = (status: string, total: number | null) => total !== null && status !== 'cancelled';

/** A disturbed job is found and reconciled. Nothing else may happen in between. */
export const disturb = command(
  'disturb and reconcile',
  fc.record({
    job: anyOne,
    how: fc.constantFrom(...(Object.keys(disturbances) as (keyof typeof disturbances)[])),
  }),
  {
    request: (world, { job, how }) => ({ jobId: world.job(job).jobId, how }),
    perform: async (world, { jobId, how }) => {
      const job = await world.database.jobs.find(jobId);
      if (!job || !isLookedAt(job.status, job.totalChunks) || !disturbances[how].when(job as never)) {
        return [];
      }
      await world.database.sql.none(`UPDATE jobs SET ${disturbances[how].set} WHERE id = $1`, [jobId]);
      return reconcileAll(world.database);
    },
    predict: (model, { jobId, how }) => {
      const job = model.job(jobId);
      if (!job || !isLookedAt(job.status, job.total) || !disturbances[how].when(job)) {
        return [];
      }
      const goesOnRetrying = job.status === 'retrying' && how !== 'ended too early';
      Object.assign(job, { status: goesOnRetrying ? 'retrying' : 'processing', errorCode: null });
      model.refresh(job);
      return [{ jobId, reconciled: true, round: job.chunks.some(isOpen) ? null : endRound(model, job) }];
    },
  },
);

/** A job that only the lifecycle has changed never drifts. */
export const look = command('look for drift', fc.constant(null), {
  request: (world) => world.jobs.map((job) => job.jobId),
  perform: async (world, jobIds) => {
    const found = await reconcileAll(world.database);
    const reconciled = await Promise.all(jobIds.map((jobId) => reconcileCounters(world.database, jobId, noBackoff)));
    if (found.length > 0 || reconciled.some((each) => each.reconciled)) {
      throw new Error(`an undisturbed job was reported as drifted: ${JSON.stringify({ found, reconciled })}`);
    }
  },
  predict: () => undefined,
});
