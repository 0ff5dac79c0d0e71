import { type ChunkDispatch, newId } from '@millrace/contracts';
import { type Database, defaultCollectionId, firstAdminId, type NewJobChunk } from '@millrace/database';
import { acceptDocument, type ClaimedJob, claimJob, storeChunks } from '@millrace/lifecycle';

/** Longer than any benchmark, so that no lease expires. */
export const leaseMs = 3_600_000;
export const worker = 'bench';
export const retryPolicy = { backoffMs: 1_000 };

/** Accepts a document without a file and claims its job, as a chunker would. Its chunks have a hundred attempts. */
export async function claimedJob(database: Database): Promise<ClaimedJob> {
  const id = newId();
  const { job } = await acceptDocument(
    database,
    {
      id,
      collectionId: defaultCollectionId,
      ownerId: firstAdminId,
      filename: `${id}.pdf`,
      sourcePath: null,
      contentHash: id.replaceAll('-', '').padEnd(64, '0'),
      mimeType: 'application/pdf',
      sizeBytes: 1,
    },
    {
      jobId: newId(),
      jobMaxRetries: 100,
      chunkMaxRetries: 100,
      reading: { strategy: 'structure', maxTokens: 400, overlapTokens: 50, ocr: 'auto' },
    },
  );
  const claim = await claimJob(database, { jobId: job.id, worker, leaseMs });
  if (claim.outcome !== 'claimed') {
    throw new Error(`The job cannot be claimed: it is ${claim.outcome}.`);
  }
  return claim.job;
}

/** Stores a job's chunks, as a chunker would. */
export async function store(
  database: Database,
  job: ClaimedJob,
  chunks: readonly NewJobChunk[],
): Promise<ChunkDispatch[]> {
  const page = { page: 1, width: 612, height: 792, outcome: 'text' as const, characters: 1_000, errorCode: null };
  const dispatches = await storeChunks(database, job, { title: null, pages: [page], chunks });
  if (!dispatches) {
    throw new Error('The job was claimed by another worker.');
  }
  return dispatches;
}
