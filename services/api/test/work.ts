import { type ErrorCode, MillraceError, newId } from '@millrace/contracts';
import { type Database, defaultCollectionId, systemOwnerId } from '@millrace/database';
import { acceptDocument, type ClaimedJob, claimChunks, claimJob, settleChunks, storeChunks } from '@millrace/lifecycle';
import { newJobChunk, testReading, unitVector } from '@millrace/test-support';

/** Does the work of chunkers and embedders, because the API runs alone in these tests. */

export interface Work {
  documentId: string;
  jobId: string;
  /** In reading order. */
  chunkIds: string[];
}

export interface WorkOptions {
  collectionId?: string;
  jobMaxRetries?: number;
  chunkMaxRetries?: number;
  /** Pages that could not be read, besides one page for each chunk. */
  failedPages?: number[];
}

/** Makes a new collection. @returns its id. */
export async function newCollection(database: Database): Promise<string> {
  const id = newId();
  await database.sql.none('INSERT INTO collections (id, owner_id, name) VALUES ($1, $2, $1)', [id, systemOwnerId]);
  return id;
}

/** Makes a queued job over a document with new content. */
export async function queuedWork(database: Database, options: WorkOptions = {}): Promise<Work> {
  const id = newId();
  const { job } = await acceptDocument(
    database,
    {
      id,
      collectionId: options.collectionId ?? defaultCollectionId,
      ownerId: systemOwnerId,
      filename: 'test.pdf',
      sourcePath: `originals/${id}`,
      contentHash: id.replaceAll('-', '').padEnd(64, '0'),
      mimeType: 'application/pdf',
      sizeBytes: 10,
    },
    {
      jobId: newId(),
      jobMaxRetries: options.jobMaxRetries ?? 3,
      chunkMaxRetries: options.chunkMaxRetries ?? 3,
      reading: testReading,
    },
  );
  return { documentId: id, jobId: job.id, chunkIds: [] };
}

/** Claims a queued job as a chunker does. */
export async function claimed(database: Database, { jobId }: Work): Promise<ClaimedJob> {
  const claim = await claimJob(database, { jobId, worker: 'test-chunker', leaseMs: 60_000 });
  if (claim.outcome !== 'claimed') {
    throw new Error(`expected to claim the job, but it is ${claim.outcome}`);
  }
  return claim.job;
}

/** Makes a job in processing, with this many pending chunks. */
export async function chunkedWork(database: Database, count: number, options: WorkOptions = {}): Promise<Work> {
  const work = await queuedWork(database, options);
  const { failedPages = [] } = options;
  const chunks = Array.from({ length: count }, (_, i) => newJobChunk(i, `Chunk ${i} of document ${work.documentId}`));
  const page = (number: number, failed: boolean) => ({
    page: number,
    width: 612,
    height: 792,
    outcome: failed ? ('failed' as const) : ('text' as const),
    characters: failed ? 0 : 20,
    errorCode: failed ? 'PAGE_FAILED' : null,
  });
  const pages = [...chunks.map((_, i) => page(i + 1, false)), ...failedPages.map((number) => page(number, true))];
  await storeChunks(database, await claimed(database, work), { title: null, pages, chunks });
  return { ...work, chunkIds: chunks.map((chunk) => chunk.id) };
}

/** Claims and settles the waiting ones of these chunks. A chunk in `failures` fails with its code. */
export async function settle(
  database: Database,
  chunkIds: readonly string[],
  failures: Record<string, ErrorCode> = {},
): Promise<void> {
  const { active } = await database.embeddingModels.find();
  const { token, chunks } = await claimChunks(database, { chunkIds, worker: 'test-embedder', leaseMs: 60_000 });
  await settleChunks(
    database,
    {
      token,
      embedded: chunks
        .filter((chunk) => !failures[chunk.id])
        .map((chunk) => ({ chunk, embedding: unitVector(chunk.chunkIndex) })),
      failed: chunks.flatMap((chunk) => {
        const code = failures[chunk.id];
        return code ? [{ chunkId: chunk.id, error: new MillraceError(code, `It is ${code}`) }] : [];
      }),
      embeddingModel: active.model,
      claimedTexts: [],
    },
    { backoffMs: 0 },
  );
}

/** Makes a job that has ended, with this many chunks. Those in `failures`, by index, have failed with their codes. */
export async function endedWork(
  database: Database,
  count: number,
  failures: Record<number, ErrorCode>,
  options: WorkOptions = {},
): Promise<Work> {
  const work = await chunkedWork(database, count, { jobMaxRetries: 0, ...options });
  const codes = Object.entries(failures).map(([index, code]) => [work.chunkIds[Number(index)], code] as const);
  await settle(database, work.chunkIds, Object.fromEntries(codes));
  return work;
}

/** Reads the job chunks and the document chunks of a job, in reading order. */
export async function rowsOf(database: Database, { jobId, documentId }: Work) {
  return {
    chunks: await database.sql.many('SELECT * FROM job_chunks WHERE job_id = $1 ORDER BY chunk_index', [jobId]),
    stored: await database.sql.many('SELECT * FROM document_chunks WHERE document_id = $1 ORDER BY chunk_index', [
      documentId,
    ]),
  };
}

/** Reads every table that a retry could change. */
export async function everything(database: Database): Promise<unknown[]> {
  const tables = ['documents', 'jobs', 'job_chunks', 'chunk_attempts', 'document_chunks', 'retry_groups'];
  return Promise.all(tables.map((table) => database.sql.many(`SELECT * FROM ${table} ORDER BY 1, 2`)));
}
