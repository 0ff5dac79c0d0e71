import { type MillraceError, newId } from '@millrace/contracts';
import type { Database, NewDocumentChunk, Session, VectorTable } from '@millrace/database';
import type { ClaimedChunk } from './chunks';
import { finishSettling, type RetryPolicy, type RoundResult, type SettledRow, settledColumns } from './rounds';
import { endLease } from './sql';

export interface EmbeddedChunk {
  chunk: ClaimedChunk;
  /** The hash of what was embedded; null when that is the content alone. */
  embeddingHash?: string | null;
  /** Of unit length, with as many dimensions as the column. */
  embedding: Float32Array;
}

export interface FailedChunk {
  chunkId: string;
  error: MillraceError;
}

export interface Settlement {
  token: string;
  /** Where the vectors go; document_chunks when left out. */
  table?: VectorTable;
  embedded: readonly EmbeddedChunk[];
  failed: readonly FailedChunk[];
  /** The key of the model. */
  embeddingModel: string;
  /** Hashes of the texts that are claimed for embedding. The settlement releases them. */
  claimedTexts: readonly string[];
  /** The token of those claims, when it is not `token`. */
  textToken?: string;
}

export interface Settled {
  /** The chunks that this call settled. Other workers or sweeps had taken the rest from this worker. */
  chunkIds: Set<string>;
  rounds: RoundResult[];
}

/**
 * processing -> success | failed for the chunks of one claim, in one transaction with their vectors and their jobs'
 * counters. The settlement that completes a round ends it. It changes only chunks that are still held under the token, so
 * a late worker writes no vector either. Any error rolls everything back; so does a change of the database's model.
 */
export function settleChunks(database: Database, settlement: Settlement, policy: RetryPolicy): Promise<Settled> {
  return database.transaction(async (session) => {
    const succeeded = await succeed(session, settlement);
    const won = new Set(succeeded.map((row) => row.id));
    const stored = settlement.embedded.filter(({ chunk }) => won.has(chunk.id));
    await store(session, stored, settlement);
    const failed = await fail(session, settlement);
    const rows = [...succeeded, ...failed];
    const rounds = await finishSettling(session, rows, policy);
    await session.embeddingClaims.release(settlement.claimedTexts, settlement.textToken ?? settlement.token);
    return { chunkIds: new Set(rows.map((row) => row.id)), rounds };
  });
}

async function store(session: Session, embedded: readonly EmbeddedChunk[], settlement: Settlement): Promise<void> {
  const { table = 'document_chunks', embeddingModel } = settlement;
  if (table === 'document_chunks') {
    return session.documentChunks.upsertAll(embedded.map((each) => newChunk(each, settlement)));
  }
  return session.documentChunks.insertNext(
    embedded.map(({ chunk: { documentId, chunkHash }, embeddingHash = null, embedding }) => {
      return { documentId, chunkHash, embeddingHash, embedding, embeddingModel };
    }),
  );
}

function newChunk(
  { chunk, embeddingHash = null, embedding }: EmbeddedChunk,
  { embeddingModel }: Settlement,
): NewDocumentChunk {
  return {
    id: newId(),
    documentId: chunk.documentId,
    collectionId: chunk.collectionId,
    ownerId: chunk.ownerId,
    chunkIndex: chunk.chunkIndex,
    chunkHash: chunk.chunkHash,
    contentHash: chunk.contentHash,
    embeddingHash,
    content: chunk.payload.text,
    tokenCount: chunk.payload.tokenCount,
    pageStart: chunk.pageStart,
    pageEnd: chunk.pageEnd,
    section: chunk.payload.section,
    coordinates: chunk.payload.coordinates,
    metadata: chunk.payload.metadata,
    embedding,
    embeddingModel,
  };
}

/** processing -> success. An empty list costs no statement: most settlements have no failures. */
async function succeed(session: Session, { token, embedded, embeddingModel }: Settlement): Promise<SettledRow[]> {
  if (embedded.length === 0) {
    return [];
  }
  return session.sql.many<SettledRow>(
    `UPDATE job_chunks c SET status = 'success', payload = NULL, ${endLease},
       last_error = NULL, last_error_code = NULL, result_json = $<result>::jsonb, processed_at = now(),
       updated_at = now()
     WHERE id = ANY($<ids>::uuid[]) AND status = 'processing' AND lease_token = $<token>
     RETURNING ${settledColumns}`,
    {
      ids: embedded.map(({ chunk }) => chunk.id),
      token,
      result: JSON.stringify({ embedding_model: embeddingModel }),
    },
  );
}

/** processing -> failed. */
async function fail(session: Session, { token, failed }: Settlement): Promise<SettledRow[]> {
  if (failed.length === 0) {
    return [];
  }
  return session.sql.many<SettledRow>(
    `UPDATE job_chunks c SET status = 'failed', ${endLease},
       last_error_code = f.code, last_error = f.message,
       next_attempt_at = now() + f.retry_after_ms * interval '1 millisecond', updated_at = now()
     FROM unnest($<ids>::uuid[], $<codes>::text[], $<messages>::text[], $<retryAfterMs>::float8[])
       AS f (id, code, message, retry_after_ms)
     WHERE c.id = f.id AND c.status = 'processing' AND c.lease_token = $<token>
     RETURNING ${settledColumns}`,
    {
      ids: failed.map(({ chunkId }) => chunkId),
      codes: failed.map(({ error }) => error.code),
      messages: failed.map(({ error }) => error.message),
      retryAfterMs: failed.map(({ error }) => error.retryAfterMs ?? null),
      token,
    },
  );
}
