import { type ChunkDispatch, MillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { claimChunks, settleChunks } from '@millrace/lifecycle';
import { newJobChunk, unitVector } from '@millrace/test-support';
import { Prose } from '../prose';
import { claimedJob, leaseMs, retryPolicy, store, worker } from './jobs';

export const bigJobChunks = 100_000;
const wordsPerChunk = 250;
const atOnce = 1_000;

export interface BigJob {
  jobId: string;
  dispatches: ChunkDispatch[];
  storedAfterMs: number;
}

/** Stores a job of 100,000 chunks that wait to be embedded. */
export async function storeBigJob(database: Database): Promise<BigJob> {
  const prose = new Prose(2);
  const chunks = Array.from({ length: bigJobChunks }, (_, i) => newJobChunk(i, prose.passage(wordsPerChunk)));
  const job = await claimedJob(database);
  const start = performance.now();
  const dispatches = await store(database, job, chunks);
  return { jobId: job.jobId, dispatches, storedAfterMs: performance.now() - start };
}

/** Claims chunks and settles all of them: as successes with any vector, or as failed with this code. */
export async function settleAll(
  database: Database,
  chunkIds: readonly string[],
  outcome: 'success' | 'EMBEDDING_TIMEOUT' | 'EMBEDDING_REJECTED',
): Promise<void> {
  const embedding = unitVector(1);
  const { active } = await database.embeddingModels.find();
  for (let start = 0; start < chunkIds.length; start += atOnce) {
    const { token, chunks } = await claimChunks(database, {
      chunkIds: chunkIds.slice(start, start + atOnce),
      worker,
      leaseMs,
    });
    const embedded = outcome === 'success' ? chunks.map((chunk) => ({ chunk, embedding })) : [];
    const failed =
      outcome === 'success'
        ? []
        : chunks.map((chunk) => ({ chunkId: chunk.id, error: new MillraceError(outcome, 'The benchmark says so') }));
    await settleChunks(
      database,
      { token, embedded, failed, embeddingModel: active.model, claimedTexts: [] },
      retryPolicy,
    );
  }
}
