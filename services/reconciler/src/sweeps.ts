import type { BlobStore } from '@millrace/blobs';
import type { Database } from '@millrace/database';
import {
  clampLeases,
  endReEmbedJobs,
  expireJobLeases,
  expireLeases,
  findDriftedJobs,
  type RetryPolicy,
  reconcileCounters,
  redispatchChunks,
  redispatchJobs,
} from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import type { Deliveries } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { firstId, lostDeliveries } from './lostDeliveries';
import { orphanedBlobs } from './orphanedBlobs';
import { reEmbedJobs } from './reEmbedJobs';
import type { Sweep } from './runSweeps';

/** How much one sweep looks at in a turn. */
const rowsPerSweep = 1_000;
const jobsPerSweep = 100;
/** Ended jobs are compared with their chunks for this long. */
const endedWithinMs = 600_000;

export interface SweepOptions {
  database: Database;
  queues: Queues;
  deliveries: Deliveries;
  blobs: BlobStore;
  leaseMs: number;
  retryPolicy: RetryPolicy;
  /** A delivery counts as lost only when its row has waited for longer than this. */
  graceMs: number;
  /** A file that no document names is removed when nothing was written to it for this long. */
  orphanAgeMs: number;
  /** How long the texts of failed chunks are kept for a retry. */
  payloadRetentionMs: number;
  /** Retry rounds for a job of the kind re-embed, and attempts for each of its chunks. */
  jobMaxRetries: number;
  chunkMaxRetries: number;
  logger: Logger;
}

/** All sweeps, in the order of a turn. docs/lifecycle.md describes each. */
export function createSweeps(options: SweepOptions): Sweep[] {
  const { database, queues, deliveries, retryPolicy } = options;
  return [
    { name: 'lease_deadlines', run: () => clampLeases(database, { leaseMs: options.leaseMs, limit: rowsPerSweep }) },
    {
      name: 'job_leases',
      run: async () => {
        const { expired, dispatches } = await expireJobLeases(database, rowsPerSweep);
        await deliveries.jobs(dispatches);
        return expired;
      },
    },
    {
      name: 'chunk_leases',
      run: async () => {
        const { expired, rounds } = await expireLeases(database, { limit: rowsPerSweep }, retryPolicy);
        await deliveries.chunks(rounds.flatMap((round) => round.retries));
        return expired;
      },
    },
    { name: 'job_counters', run: reconcileDriftedJobs(options) },
    {
      name: 'job_deliveries',
      run: lostDeliveries({
        list: (page) => database.jobs.listWaiting({ ...page, olderThanMs: options.graceMs }),
        findLost: (rows) => queues.findLost(rows),
        redeliver: async (lost) => queues.deliverJobs(await redispatchJobs(database, lost)),
      }),
    },
    {
      name: 'chunk_deliveries',
      run: lostDeliveries({
        list: (page) => database.jobChunks.listWaiting({ ...page, olderThanMs: options.graceMs }),
        findLost: (rows) => queues.findLost(rows),
        redeliver: async (lost) => queues.deliverChunks(await redispatchChunks(database, lost)),
      }),
    },
    { name: 'embedding_claims', run: () => database.embeddingClaims.removeExpired(rowsPerSweep) },
    {
      name: 'finished_deliveries',
      run: () => queues.removeFinished(rowsPerSweep),
    },
    {
      name: 'expired_payloads',
      run: () => database.jobChunks.removePayloads({ olderThanMs: options.payloadRetentionMs, limit: rowsPerSweep }),
    },
    // Before re_embed_jobs, which begins no jobs while jobs of an earlier change are left.
    { name: 'ended_re_embeddings', run: () => endReEmbedJobs(database, rowsPerSweep) },
    { name: 're_embed_jobs', run: reEmbedJobs(options) },
    { name: 'orphaned_blobs', run: orphanedBlobs(options) },
  ];
}

/** Makes a sweep that compares a hundred jobs a turn with their chunks. After the last job it begins again. */
function reconcileDriftedJobs(options: SweepOptions): () => Promise<number> {
  const { database, deliveries, retryPolicy, logger } = options;
  let after = firstId;
  return async () => {
    const look = (from: string) => findDriftedJobs(database, { after: from, limit: jobsPerSweep, endedWithinMs });
    let { last, drifted } = await look(after);
    if (last === null && after !== firstId) {
      ({ last, drifted } = await look(firstId));
    }
    after = last ?? firstId;
    let mended = 0;
    for (const jobId of drifted) {
      const { reconciled, round } = await reconcileCounters(database, jobId, retryPolicy);
      if (reconciled) {
        mended += 1;
        logger.error(
          { jobId, status: round?.status },
          'the counters of a job disagreed with its chunks and were reconciled',
        );
      }
      await deliveries.chunks(round?.retries ?? []);
    }
    return mended;
  };
}
