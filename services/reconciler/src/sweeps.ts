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
import type { Deliveries, Rounds } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { deletedCollections } from './deletedCollections';
import { history } from './history';
import { firstId, lostDeliveries } from './lostDeliveries';
import { oldVersions } from './oldVersions';
import { orphanedBlobs } from './orphanedBlobs';
import { reEmbedJobs } from './reEmbedJobs';
import type { Sweep } from './runSweeps';

/** The largest number of rows, and of jobs, that one sweep handles in a turn. */
const rowsPerSweep = 1_000;
const jobsPerSweep = 100;
/** The changes of the counts of collections that one sweep merges. */
const changesPerSweep = 10_000;
/** An ended job is compared with its chunks for this long after its end. */
const endedWithinMs = 600_000;

export interface SweepOptions {
  database: Database;
  queues: Queues;
  deliveries: Deliveries;
  rounds: Rounds;
  blobs: BlobStore;
  leaseMs: number;
  retryPolicy: RetryPolicy;
  /** A delivery counts as lost only when its row has waited for longer than this. */
  graceMs: number;
  /** A file without a document is removed when it was last written longer ago than this. */
  orphanAgeMs: number;
  /** How long the texts of failed chunks are kept for a retry. */
  payloadRetentionMs: number;
  /** How many old versions of each external id are kept. */
  versionsKept: number;
  /** How long the history of ended jobs is kept. */
  historyRetentionMs: number;
  /** Limits of a job of the kind re-embed: its retry rounds, and the attempts of each chunk. */
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
        await options.rounds.announce(rounds);
        return expired;
      },
    },
    // Before deliveries are looked for: its work gets none.
    { name: 'deleted_collections', run: deletedCollections(options) },
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
    { name: 'finished_deliveries', run: () => queues.removeFinished(rowsPerSweep) },
    {
      name: 'expired_payloads',
      run: () => database.jobChunks.removePayloads({ olderThanMs: options.payloadRetentionMs, limit: rowsPerSweep }),
    },
    {
      name: 'collection_counts',
      // Merging is not mending.
      run: async () => {
        await database.collections.mergeCounts(changesPerSweep);
        return database.collections.forgetDays(rowsPerSweep);
      },
    },
    { name: 'history', run: history(options) },
    { name: 'old_versions', run: oldVersions(options) },
    { name: 'idempotency_keys', run: () => database.idempotencyKeys.removeExpired(rowsPerSweep) },
    // This sweep comes before re_embed_jobs, which begins no job while jobs of an earlier re-embedding are open.
    { name: 'ended_re_embeddings', run: () => endReEmbedJobs(database, rowsPerSweep) },
    { name: 're_embed_jobs', run: reEmbedJobs(options) },
    { name: 'orphaned_blobs', run: orphanedBlobs(options) },
  ];
}

/**
 * Makes a sweep that compares jobs with their chunks, in the order of their ids. Each sweep continues where the last one
 * ended. After the last job it begins again.
 */
function reconcileDriftedJobs(options: SweepOptions): () => Promise<number> {
  const { database, rounds, retryPolicy, logger } = options;
  const findAfter = (id: string) => findDriftedJobs(database, { after: id, limit: jobsPerSweep, endedWithinMs });
  let after = firstId;
  return async () => {
    let found = await findAfter(after);
    const isPastLastJob = found.last === null && after !== firstId;
    if (isPastLastJob) {
      found = await findAfter(firstId);
    }
    after = found.last ?? firstId;
    let reconciledJobs = 0;
    for (const jobId of found.drifted) {
      const { reconciled, round } = await reconcileCounters(database, jobId, retryPolicy);
      if (reconciled) {
        reconciledJobs += 1;
        logger.error(
          { jobId, status: round?.status },
          'the counters of a job disagreed with its chunks and were reconciled',
        );
      }
      await rounds.announce(round ? [round] : []);
    }
    return reconciledJobs;
  };
}
