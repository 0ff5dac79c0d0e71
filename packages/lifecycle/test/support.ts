import { newId } from '@millrace/contracts';
import { Database, defaultCollectionId, systemOwnerId } from '@millrace/database';
import { newJobChunk, unitVector } from '@millrace/test-support';
import {
  acceptDocument,
  type ChunkClaim,
  type ClaimedJob,
  claimJob,
  type EmbeddedChunk,
  type FailedChunk,
  settleChunks,
  storeChunks,
} from '../src';

export const policy = { backoffMs: 0 };
export const worker = 'test-worker';
export const leaseMs = 60_000;

export function openDatabase(url: string): Database {
  return new Database({ url, poolMax: 5, connectTimeoutMs: 5_000, applicationName: 'test' });
}

/** Accepts a document of random content. */
export async function accept(database: Database, limits = { jobMaxRetries: 3, chunkMaxRetries: 3 }) {
  const id = newId();
  return acceptDocument(
    database,
    {
      id,
      collection_id: defaultCollectionId,
      owner_id: systemOwnerId,
      filename: 'test.pdf',
      source_path: `originals/${id}`,
      content_hash: id.replaceAll('-', '').padEnd(64, '0'),
      mime_type: 'application/pdf',
      size_bytes: 10,
    },
    { jobId: newId(), ...limits },
  );
}

export async function claimedJob(database: Database, jobId: string): Promise<ClaimedJob> {
  const claim = await claimJob(database, jobId, worker, leaseMs);
  if (claim.outcome !== 'claimed') {
    throw new Error(`expected to claim the job, but it is ${claim.outcome}`);
  }
  return claim.job;
}

export function page(number: number, outcome: 'text' | 'empty' | 'failed' = 'text') {
  return {
    page: number,
    width: 612,
    height: 792,
    outcome,
    characters: outcome === 'text' ? 20 : 0,
    error_code: outcome === 'failed' ? 'PAGE_FAILED' : null,
  };
}

/** A document with `count` pending chunks. */
export async function chunkedDocument(
  database: Database,
  count: number,
  options: { limits?: { jobMaxRetries: number; chunkMaxRetries: number }; pages?: ReturnType<typeof page>[] } = {},
) {
  const { document, job } = await accept(database, options.limits);
  const dispatches = await storeChunks(database, await claimedJob(database, job.id), {
    title: null,
    pages: options.pages ?? [page(1)],
    chunks: Array.from({ length: count }, (_, i) => newJobChunk(i, `Chunk ${i} of document ${document.id}`)),
  });
  return { documentId: document.id, jobId: job.id, chunkIds: (dispatches ?? []).map((dispatch) => dispatch.chunkId) };
}

export function settle(
  database: Database,
  claim: ChunkClaim,
  outcome: { failed?: FailedChunk[]; only?: string[] } = {},
) {
  const failed = outcome.failed ?? [];
  const failedIds = new Set(failed.map((failure) => failure.chunkId));
  const embedded: EmbeddedChunk[] = claim.chunks
    .filter((chunk) => !failedIds.has(chunk.id) && (outcome.only?.includes(chunk.id) ?? true))
    .map((chunk) => ({ chunk, embedding: unitVector(chunk.chunkIndex) }));
  return settleChunks(database, { token: claim.token, embedded, failed, embeddingModel: 'test-model' }, policy);
}
