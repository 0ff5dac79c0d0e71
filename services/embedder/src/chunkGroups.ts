import { isSameModel, type MillraceError, toMillraceError } from '@millrace/contracts';
import { type Database, untilAvailable } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import {
  type ClaimedChunk,
  type FailedChunk,
  type RetryPolicy,
  releaseChunks,
  settleChunks,
} from '@millrace/lifecycle';
import type { Deliveries } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { announceRounds } from './announce';
import type { Part } from './heldClaim';
import type { EmbedderMetrics } from './metrics';
import { ProviderHealth } from './providerHealth';
import { addAll, later, type Results, resultFor } from './results';
import { VectorSource } from './vectorSource';

/** When a delivery comes again whose text another worker is embedding. */
const elsewhereMs = 500;

export interface ChunkGroupsOptions {
  database: Database;
  deliveries: Deliveries;
  provider: EmbeddingProvider;
  leaseMs: number;
  /** After this long without a successful call, chunks fail instead of waiting for the provider. */
  maxOutageMs: number;
  retryPolicy: RetryPolicy;
  logger: Logger;
  metrics: EmbedderMetrics;
  /** Ends calls to the provider, and waiting for the database. */
  signal: AbortSignal;
}

/** What became of one try at a part of a claim, and of which of its chunks deliveries are to be answered how. */
export type Attempt = { results: Results } & (
  | { outcome: 'settled' }
  /** Something about the rest of the chunks, which are not settled yet. */
  | { outcome: 'guilty'; error: MillraceError; rest: readonly ClaimedChunk[] }
  | { outcome: 'paused'; forMs: number; rest: readonly ClaimedChunk[] }
  | { outcome: 'stopping' }
);

/** What can be done with a part of a claim. */
export class ChunkGroups {
  readonly health: ProviderHealth;
  readonly vectors: VectorSource;

  constructor(private readonly options: ChunkGroupsOptions) {
    this.health = new ProviderHealth(options);
    this.vectors = new VectorSource({ ...options, health: this.health });
  }

  /** One try at embedding and settling the chunks, and what its failure means. What has a vector is stored in any case. */
  async attempt(part: Part): Promise<Attempt> {
    const { signal } = this.options;
    const results: Results = new Map();
    try {
      const { known, elsewhere, wanted } = await untilAvailable(() => this.vectors.find(part), signal);
      const waiting = part.chunks.filter((chunk) => elsewhere.has(chunk.contentHash));
      if (waiting.length > 0) {
        await this.release({ ...part, chunks: waiting }, { redeliver: false });
        addAll(results, resultFor(waiting, later(elsewhereMs)));
      }
      await this.forgetLost(part, wanted);
      const failure = await this.make(wanted, known);
      const ready = part.chunks.filter((chunk) => known.has(chunk.contentHash));
      if (ready.length > 0) {
        addAll(results, await this.settle({ ...part, chunks: ready }, { vectors: known }));
      }
      if (!failure) {
        return { outcome: 'settled', results };
      }
      const rest = part.chunks.filter((chunk) => wanted.has(chunk.contentHash));
      return await this.judge({ ...part, chunks: rest }, failure, results);
    } catch (thrown) {
      if (signal.aborted) {
        return { outcome: 'stopping', results };
      }
      // Storing failed: the transaction is rolled back whole, and the vectors are remembered.
      if (await untilAvailable(() => this.isOutdated(part), signal)) {
        await this.release(part, { redeliver: true });
        return { outcome: 'settled', results };
      }
      this.options.logger.error({ err: thrown }, 'a batch could not be settled');
      return { outcome: 'guilty', error: toMillraceError(thrown), rest: part.chunks, results };
    }
  }

  /** Whether the database takes vectors of another model by now: then nothing is wrong with the chunks. */
  private async isOutdated({ chunks }: Part): Promise<boolean> {
    const { database, provider } = this.options;
    const { active, next } = await database.embeddingModels.find();
    return chunks.some(({ into }) => {
      const wanted = into === 'document_chunks' ? active : next;
      return wanted === null || !isSameModel(wanted, provider);
    });
  }

  /** Settles all of the chunks as failed. */
  fail(part: Part, error: MillraceError): Promise<Results> {
    return this.settle(part, { error });
  }

  /** Gives chunks back without an attempt counted. */
  async release(part: Part, options: { redeliver: boolean }): Promise<void> {
    const { database, logger, signal } = this.options;
    const ids = part.chunks.map((chunk) => chunk.id);
    const dispatches = await untilAvailable(
      () => releaseChunks(database, { token: part.token, chunkIds: ids, ...options }),
      signal,
    );
    await this.vectors.letGo(part);
    logger.info({ chunks: part.chunks.length }, 'handed back unfinished chunks');
    await this.options.deliveries.chunks(dispatches);
  }

  /**
   * Takes the texts of chunks that are no longer ours out of what is to be paid for: this process was frozen, say, or
   * dividing has taken long. Whoever has them now sees to them.
   */
  private async forgetLost(part: Part, wanted: Map<string, string>): Promise<void> {
    const { database, provider, signal } = this.options;
    const chunks = part.chunks.filter((chunk) => wanted.has(chunk.contentHash));
    if (provider.inProcess || chunks.length === 0) {
      return;
    }
    const held = await untilAvailable(
      () =>
        database.jobChunks.findHeld(
          chunks.map((chunk) => chunk.id),
          part.token,
        ),
      signal,
    );
    const ours = new Set(chunks.filter((chunk) => held.has(chunk.id)).map((chunk) => chunk.contentHash));
    const lost = chunks.filter((chunk) => !ours.has(chunk.contentHash));
    for (const { contentHash } of lost) {
      wanted.delete(contentHash);
    }
    if (lost.length > 0) {
      await this.vectors.letGo({ ...part, chunks: lost });
    }
  }

  /** Adds what the provider makes to what is known. @returns why it has not. */
  private async make(
    wanted: ReadonlyMap<string, string>,
    known: Map<string, Float32Array>,
  ): Promise<MillraceError | null> {
    try {
      for (const [hash, vector] of await this.vectors.make(wanted)) {
        known.set(hash, vector);
      }
      return null;
    } catch (error) {
      this.options.signal.throwIfAborted();
      return toMillraceError(error);
    }
  }

  private async judge(part: Part, error: MillraceError, results: Results): Promise<Attempt> {
    const judgement = await untilAvailable(() => this.health.judge(error), this.options.signal);
    switch (judgement.blame) {
      case 'texts':
        return { outcome: 'guilty', error, rest: part.chunks, results };
      case 'provider':
        return { outcome: 'paused', forMs: judgement.pausedForMs, rest: part.chunks, results };
      case 'setup':
        addAll(results, await this.fail(part, judgement.error));
        return { outcome: 'settled', results };
    }
  }

  /**
   * Settles chunks with their vectors, or all as failed. While the database is away it waits: the vectors are paid for.
   * @returns results for those that failed; those that were taken from us meanwhile are somebody else's to report.
   */
  private async settle(
    { token, textToken, chunks }: Part,
    outcome: { vectors: ReadonlyMap<string, Float32Array> } | { error: MillraceError },
  ): Promise<Results> {
    const { database, provider, retryPolicy, metrics, logger } = this.options;
    const failed: FailedChunk[] =
      'error' in outcome ? chunks.map((chunk) => ({ chunkId: chunk.id, error: outcome.error })) : [];
    const embedded =
      'vectors' in outcome ? chunks.map((chunk) => ({ chunk, embedding: vectorOf(outcome.vectors, chunk) })) : [];
    const stopTimer = metrics.settleSeconds.startTimer();
    const settled = await untilAvailable(
      () =>
        settleChunks(
          database,
          {
            token,
            textToken,
            embedded,
            failed,
            embeddingModel: provider.model,
            claimedTexts: provider.inProcess ? [] : chunks.map((chunk) => chunk.contentHash),
          },
          retryPolicy,
        ),
      this.options.signal,
    );
    stopTimer();
    this.vectors.forget(
      embedded.filter(({ chunk }) => settled.chunkIds.has(chunk.id)).map(({ chunk }) => chunk.contentHash),
    );
    await announceRounds(settled.rounds, this.options);
    const ours = failed.filter(({ chunkId }) => settled.chunkIds.has(chunkId));
    metrics.settled.inc({ status: 'success' }, settled.chunkIds.size - ours.length);
    metrics.settled.inc({ status: 'failed' }, ours.length);
    for (const { chunkId, error } of ours) {
      logger.warn({ chunkId, code: error.code, reason: error.message }, 'a chunk failed');
    }
    return new Map(
      ours.map(({ chunkId, error }) => [chunkId, { outcome: 'failed', code: error.code, message: error.message }]),
    );
  }
}

function vectorOf(vectors: ReadonlyMap<string, Float32Array>, chunk: ClaimedChunk): Float32Array {
  const vector = vectors.get(chunk.contentHash);
  if (!vector) {
    throw new Error(`no vector was made for chunk ${chunk.id}`);
  }
  return vector;
}
