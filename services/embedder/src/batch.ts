import { type ChunkDelivery, type MillraceError, toMillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import {
  type ChunkClaim,
  type ClaimedChunk,
  claimChunks,
  expireLeases,
  type RetryPolicy,
  type RoundResult,
  releaseChunks,
  renewChunkLeases,
  type Settlement,
  settleChunks,
} from '@millrace/lifecycle';
import type { DeliveryResult, Queues } from '@millrace/queues';
import type { Logger } from '@millrace/telemetry';
import type { EmbedderMetrics } from './metrics';

export interface BatchOptions {
  database: Database;
  queues: Queues;
  provider: EmbeddingProvider;
  /** Names this process in leases and attempts. */
  worker: string;
  leaseMs: number;
  retryPolicy: RetryPolicy;
  logger: Logger;
  metrics: EmbedderMetrics;
}

/**
 * Works on batches of chunk deliveries: claims what can be claimed in one statement, takes vectors that are known
 * already, has the provider make the rest in one call, and settles everything in one transaction.
 */
export class BatchProcessor {
  private readonly inHand = new Set<Promise<unknown>>();
  private readonly stopping = new AbortController();

  constructor(private readonly options: BatchOptions) {}

  /** One result per delivery, in order. Rejects only when the database is away, with nothing settled. */
  async process(deliveries: readonly ChunkDelivery[]): Promise<DeliveryResult[]> {
    const work = this.take(deliveries);
    this.inHand.add(work);
    try {
      return await work;
    } finally {
      this.inHand.delete(work);
    }
  }

  /**
   * Ends all work: calls to the provider are broken off, and each batch in hand, one that is just being claimed as well,
   * gives its chunks back without an attempt consumed. Deliveries that still come are put off for another worker.
   */
  async handBack(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled(this.inHand);
  }

  private async take(deliveries: readonly ChunkDelivery[]): Promise<DeliveryResult[]> {
    if (this.stopping.signal.aborted) {
      return deliveries.map(() => ({ outcome: 'later', at: new Date() }));
    }
    const { database, worker, leaseMs } = this.options;
    const ids = [...new Set(deliveries.map((delivery) => delivery.chunkId))];
    const claim = await claimChunks(database, ids, worker, leaseMs);
    const results = await this.resolveUnclaimed(ids, claim);
    if (claim.chunks.length > 0) {
      for (const [id, result] of await this.work(claim)) {
        results.set(id, result);
      }
    }
    return deliveries.map((delivery) => results.get(delivery.chunkId) ?? { outcome: 'done' });
  }

  /**
   * A chunk that could not be claimed is done with (settled, handed to somebody else, or deleted), or still leased: by
   * a worker that is busy with it, so that the delivery must come again, or by one that has died.
   */
  private async resolveUnclaimed(ids: readonly string[], claim: ChunkClaim): Promise<Map<string, DeliveryResult>> {
    const claimed = new Set(claim.chunks.map((chunk) => chunk.id));
    const unclaimed = ids.filter((id) => !claimed.has(id));
    if (unclaimed.length === 0) {
      return new Map();
    }
    const { database, retryPolicy } = this.options;
    await this.announce(await expireLeases(database, unclaimed, retryPolicy));
    const rows = await database.jobChunks.findAll(unclaimed);
    return new Map(
      rows.map((row) => [
        row.id,
        row.status === 'processing' && row.lease_expires_at
          ? { outcome: 'later', at: row.lease_expires_at }
          : { outcome: 'done' },
      ]),
    );
  }

  private async work(claim: ChunkClaim): Promise<Map<string, DeliveryResult>> {
    const { database, leaseMs, logger } = this.options;
    const renewal = setInterval(() => {
      renewChunkLeases(database, claim.token, leaseMs).catch((error: Error) =>
        logger.warn({ err: error }, 'could not renew the lease of a batch'),
      );
    }, leaseMs / 3);
    try {
      return await this.embedAndSettle(claim);
    } finally {
      clearInterval(renewal);
    }
  }

  private async embedAndSettle(claim: ChunkClaim): Promise<Map<string, DeliveryResult>> {
    const { provider } = this.options;
    let failure: MillraceError;
    try {
      const vectors = await this.vectorsFor(claim.chunks);
      return await this.settle({
        token: claim.token,
        embedded: claim.chunks.map((chunk) => ({ chunk, embedding: vectorOf(vectors, chunk) })),
        failed: [],
        embeddingModel: provider.model,
      });
    } catch (error) {
      if (this.stopping.signal.aborted) {
        await this.release(claim);
        return new Map();
      }
      failure = toMillraceError(error);
      if (failure.code === 'DATABASE_UNAVAILABLE') {
        throw failure;
      }
    }
    // The transaction, if it was one that failed, is rolled back whole; what stands is the error on every chunk.
    return this.settle({
      token: claim.token,
      embedded: [],
      failed: claim.chunks.map((chunk) => ({ chunkId: chunk.id, error: failure })),
      embeddingModel: provider.model,
    });
  }

  /** Gives the chunks back; the next worker gets deliveries of its own. */
  private async release(claim: ChunkClaim): Promise<void> {
    const { database, queues, logger } = this.options;
    const released = await releaseChunks(database, claim.token);
    logger.info({ chunks: released.length }, 'handed back unfinished chunks');
    await queues.deliverChunks(released);
  }

  /** Vectors by content hash: from the cache where the same text has been embedded, from the provider otherwise. */
  private async vectorsFor(chunks: readonly ClaimedChunk[]): Promise<Map<string, Float32Array>> {
    const { database, provider, metrics } = this.options;
    const texts = new Map(chunks.map((chunk) => [chunk.contentHash, chunk.payload.text]));
    const vectors = await database.documentChunks.findEmbeddings([...texts.keys()], provider.model);
    const unknown = [...texts].filter(([contentHash]) => !vectors.has(contentHash));
    metrics.cacheHits.inc(chunks.length - unknown.length);
    if (unknown.length > 0) {
      const stopTimer = metrics.providerSeconds.startTimer();
      const made = await provider.embed(
        unknown.map(([, text]) => text),
        { signal: this.stopping.signal },
      );
      stopTimer();
      metrics.embedded.inc(unknown.length);
      unknown.forEach(([contentHash], position) => {
        const vector = made[position];
        if (vector) {
          vectors.set(contentHash, vector);
        }
      });
    }
    return vectors;
  }

  private async settle(settlement: Settlement): Promise<Map<string, DeliveryResult>> {
    const { database, retryPolicy, metrics, logger } = this.options;
    const stopTimer = metrics.settleSeconds.startTimer();
    const settled = await settleChunks(database, settlement, retryPolicy);
    stopTimer();
    await this.announce(settled.rounds);
    // Chunks that were taken from us meanwhile are somebody else's to report.
    const failed = settlement.failed.filter(({ chunkId }) => settled.chunkIds.has(chunkId));
    metrics.settled.inc({ status: 'success' }, settled.chunkIds.size - failed.length);
    metrics.settled.inc({ status: 'failed' }, failed.length);
    for (const { chunkId, error } of failed) {
      logger.warn({ chunkId, code: error.code, reason: error.message }, 'a chunk failed');
    }
    return new Map(
      failed.map(({ chunkId, error }) => [chunkId, { outcome: 'failed', code: error.code, message: error.message }]),
    );
  }

  /** After the commit: delivers the next round's chunks and says in the log which jobs have moved. */
  private async announce(rounds: readonly RoundResult[]): Promise<void> {
    const { queues, logger } = this.options;
    for (const round of rounds) {
      if (round.status !== 'processing') {
        const { jobId, documentId, status } = round;
        logger.info({ jobId, documentId, status, retries: round.retries.length }, 'a round ended');
      }
    }
    await queues.deliverChunks(rounds.flatMap((round) => round.retries));
  }
}

function vectorOf(vectors: ReadonlyMap<string, Float32Array>, chunk: ClaimedChunk): Float32Array {
  const vector = vectors.get(chunk.contentHash);
  if (!vector) {
    throw new Error(`no vector was made for chunk ${chunk.id}`);
  }
  return vector;
}
