import { type ErrorCode, type JobChunkStatus, MillraceError } from '@millrace/contracts';
import type { Database, JobChunkRow } from '@millrace/database';
import { type ChunkClaim, claimChunks, type FailedChunk, type Settled, settleChunks } from '@millrace/lifecycle';
import { unitVector } from '../chunks';
import { testLease } from './lease';

/** Failed chunks are tried again without a delay. */
export const noBackoff = { backoffMs: 0 };

/** Claims chunks as an embedder does. */
export function claimedChunks(database: Database, chunkIds: readonly string[]): Promise<ChunkClaim> {
  return claimChunks(database, { chunkIds, ...testLease });
}

/** Settles the chunks of a claim. Those of `failed` fail; the others, or only those of `only`, are stored. */
export async function settleClaim(
  database: Database,
  claim: ChunkClaim,
  { failed = [], only }: { failed?: FailedChunk[]; only?: string[] } = {},
): Promise<Settled> {
  const { active } = await database.embeddingModels.find();
  const failedIds = new Set(failed.map((failure) => failure.chunkId));
  const embedded = claim.chunks
    .filter((chunk) => !failedIds.has(chunk.id) && (only?.includes(chunk.id) ?? true))
    .map((chunk) => ({ chunk, embedding: unitVector(chunk.chunkIndex) }));
  return settleChunks(
    database,
    { token: claim.token, embedded, failed, embeddingModel: active.key, claimedTexts: [] },
    noBackoff,
  );
}

/** Claims and settles those of the chunks that wait. A chunk in `failures` fails with its code. */
export async function claimAndSettle(
  database: Database,
  chunkIds: readonly string[],
  failures: Record<string, ErrorCode> = {},
): Promise<Settled> {
  const claim = await claimedChunks(database, chunkIds);
  const failed = claim.chunks.flatMap(({ id }) => {
    const code = failures[id];
    return code ? [{ chunkId: id, error: new MillraceError(code, `It is ${code}`) }] : [];
  });
  return settleClaim(database, claim, { failed });
}

/** Returns a failure for which another attempt may help. */
export function transientFailure(chunkId: string): FailedChunk {
  return { chunkId, error: new MillraceError('EMBEDDING_UNAVAILABLE', 'down') };
}

/** Returns a failure for which no other attempt can help. */
export function permanentFailure(chunkId: string): FailedChunk {
  return { chunkId, error: new MillraceError('EMBEDDING_REJECTED', 'bad text') };
}

/** Reads a job chunk. */
export async function chunkOf(database: Database, chunkId: string): Promise<JobChunkRow> {
  const [chunk] = await database.jobChunks.findAll([chunkId]);
  if (!chunk) {
    throw new Error(`There is no chunk ${chunkId}.`);
  }
  return chunk;
}

/** Counts the chunks of a job by status. A status without chunks is left out. */
export async function chunkCounts(database: Database, jobId: string): Promise<Partial<Record<JobChunkStatus, number>>> {
  const rows = await database.sql.many<{ status: JobChunkStatus; count: number }>(
    'SELECT status, count(*)::integer AS count FROM job_chunks WHERE job_id = $1 GROUP BY status',
    [jobId],
  );
  return Object.fromEntries(rows.map((row) => [row.status, row.count]));
}
