import {
  type DocumentRepair,
  type DocumentStatus,
  type JobChunkStatus,
  MillraceError,
  newId,
} from '@millrace/contracts';
import { Database, defaultCollectionId, type JobChunkRow, type JobRow, systemOwnerId } from '@millrace/database';
import {
  acceptDocument,
  type ChunkClaim,
  type ClaimedJob,
  claimChunks,
  claimJob,
  type EmbeddedChunk,
  type FailedChunk,
  settleChunks,
  storeChunks,
} from '@millrace/lifecycle';
import { newJobChunk, testReading, unitVector } from './chunks';
import { createTestDatabase } from './testDatabase';
import { waitFor } from './waitFor';

export const policy = { backoffMs: 0 };
export const worker = 'test-worker';
export const leaseMs = 60_000;

export function openDatabase(url: string, more: { statementTimeoutMs?: number } = {}): Database {
  return new Database({ url, poolMax: 5, connectTimeoutMs: 5_000, applicationName: 'test', ...more });
}

/** A database for the test file, and the function that closes and drops it. */
export async function createDatabase(): Promise<{ database: Database; dispose: () => Promise<void> }> {
  const testDatabase = await createTestDatabase({ model: 'test-model' });
  const url = new URL(testDatabase.url);
  // No row has to survive a crash of the server. Waiting for the disk at every commit takes half of the time.
  url.searchParams.set('options', '-c synchronous_commit=off');
  const database = openDatabase(url.toString());
  await waitFor('the database server to have run for so long that leases can expire', async () => {
    const { up } = await database.sql.one<{ up: boolean }>(
      `SELECT now() - pg_postmaster_start_time() > interval '5 seconds' AS up`,
    );
    return up;
  });
  return {
    database,
    dispose: async () => {
      await database.close();
      await testDatabase.drop();
    },
  };
}

export const firstId = '00000000-0000-0000-0000-000000000000';

export async function jobOf(database: Database, jobId: string): Promise<JobRow> {
  const job = await database.jobs.find(jobId);
  if (!job) {
    throw new Error(`there is no job ${jobId}`);
  }
  return job;
}

export async function statusOf(database: Database, documentId: string): Promise<DocumentStatus | undefined> {
  return (await database.documents.find(documentId))?.status;
}

/** How many of the job's chunks have each status. Statuses without chunks are left out. */
export async function chunkCounts(database: Database, jobId: string): Promise<Partial<Record<JobChunkStatus, number>>> {
  const rows = await database.sql.many<{ status: JobChunkStatus; count: number }>(
    'SELECT status, count(*)::integer AS count FROM job_chunks WHERE job_id = $1 GROUP BY status',
    [jobId],
  );
  return Object.fromEntries(rows.map((row) => [row.status, row.count]));
}

/** The chunk's row. */
export async function chunkOf(database: Database, chunkId: string): Promise<JobChunkRow> {
  const [chunk] = await database.jobChunks.findAll([chunkId]);
  if (!chunk) {
    throw new Error(`there is no chunk ${chunkId}`);
  }
  return chunk;
}

export function claim(database: Database, chunkIds: readonly string[]): Promise<ChunkClaim> {
  return claimChunks(database, { chunkIds, worker, leaseMs });
}

/** Makes leases expire without a wait. */
export async function runOut(database: Database, table: 'jobs' | 'job_chunks', ids: readonly string[]): Promise<void> {
  await database.sql.none(
    `UPDATE ${table} SET lease_expires_at = now() - interval '1 second'
     WHERE id = ANY($1::uuid[]) AND lease_expires_at IS NOT NULL`,
    [ids],
  );
}

/** Whether exactly `count` transactions of this database wait for a lock. */
export async function isWaiting(database: Database, count: number): Promise<boolean> {
  const { waiting } = await database.sql.one<{ waiting: number }>(
    `SELECT count(*)::integer AS waiting FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return waiting === count;
}

/** A failure with a retryable code. */
export function unavailable(chunkId: string): FailedChunk {
  return { chunkId, error: new MillraceError('EMBEDDING_UNAVAILABLE', 'down') };
}

/** A failure with a code that is not retryable. */
export function rejected(chunkId: string): FailedChunk {
  return { chunkId, error: new MillraceError('EMBEDDING_REJECTED', 'bad text') };
}

/** Accepts a document of random content. */
export async function accept(
  database: Database,
  limits = { jobMaxRetries: 3, chunkMaxRetries: 3 },
  collectionId = defaultCollectionId,
) {
  const id = newId();
  return acceptDocument(
    database,
    {
      id,
      collectionId,
      ownerId: systemOwnerId,
      filename: 'test.pdf',
      sourcePath: `originals/${id}`,
      contentHash: id.replaceAll('-', '').padEnd(64, '0'),
      mimeType: 'application/pdf',
      sizeBytes: 10,
    },
    { jobId: newId(), ...limits, reading: testReading },
  );
}

export async function claimedJob(database: Database, jobId: string): Promise<ClaimedJob> {
  const claim = await claimJob(database, { jobId, worker, leaseMs });
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
    errorCode: outcome === 'failed' ? 'PAGE_FAILED' : null,
  };
}

/** A document with `count` pending chunks. */
export async function chunkedDocument(
  database: Database,
  count: number,
  options: {
    limits?: { jobMaxRetries: number; chunkMaxRetries: number };
    pages?: ReturnType<typeof page>[];
    repair?: DocumentRepair;
    collectionId?: string;
  } = {},
) {
  const { document, job } = await accept(database, options.limits, options.collectionId);
  const dispatches = await storeChunks(database, await claimedJob(database, job.id), {
    title: null,
    repair: options.repair ?? null,
    pages: options.pages ?? [page(1)],
    chunks: Array.from({ length: count }, (_, i) => newJobChunk(i, `Chunk ${i} of document ${document.id}`)),
  });
  return { documentId: document.id, jobId: job.id, chunkIds: (dispatches ?? []).map((dispatch) => dispatch.chunkId) };
}

export async function settle(
  database: Database,
  claim: ChunkClaim,
  outcome: { failed?: FailedChunk[]; only?: string[] } = {},
) {
  const { active } = await database.embeddingModels.find();
  const failed = outcome.failed ?? [];
  const failedIds = new Set(failed.map((failure) => failure.chunkId));
  const embedded: EmbeddedChunk[] = claim.chunks
    .filter((chunk) => !failedIds.has(chunk.id) && (outcome.only?.includes(chunk.id) ?? true))
    .map((chunk) => ({ chunk, embedding: unitVector(chunk.chunkIndex) }));
  return settleChunks(
    database,
    { token: claim.token, embedded, failed, embeddingModel: active.model, claimedTexts: [] },
    policy,
  );
}
