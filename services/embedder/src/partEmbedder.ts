import { isSameModel, type MillraceError, toMillraceError } from '@millrace/contracts';
import { type Database, type StoredModel, untilAvailable } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import { type FailedChunk, type RetryPolicy, releaseChunks, settleChunks } from '@millrace/lifecycle';
import type { Deliveries, Rounds } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import type { EmbeddableChunk, Part } from './heldClaim';
import type { EmbedderMetrics } from './metrics';
import { ProviderHealth } from './providerHealth';
import { addAll, later, type Results, resultFor } from './results';
import type { Target } from './target';
import { VectorSource } from './vectorSource';

/** How long a delivery is postponed when another worker is embedding its text. */
const beingEmbeddedMs = 500;

export interface PartEmbedderOptions {
  target: Target;
  database: Database;
  deliveries: Deliveries;
  rounds: Rounds;
  provider: EmbeddingProvider;
  /** The provider's model, as the database knows it. */
  model: StoredModel;
  leaseMs: number;
  /** After this long without a successful call, chunks fail instead of waiting for the provider. */
  maxOutageMs: number;
  retryPolicy: RetryPolicy;
  logger: Logger;
  metrics: EmbedderMetrics;
  /** Ends calls to the provider, and waiting for the database. */
  signal: AbortSignal;
}

/** The outcome of one attempt at a part. `results` has only the chunks that were not embedded. */
export type Attempt = { results: Results } & (
  | { outcome: 'settled' }
  /** The texts of `rest`, or their rows, are at fault. These chunks are not settled yet. */
  | { outcome: 'poisoned'; error: MillraceError; rest: readonly EmbeddableChunk[] }
  /** The provider is paused. The chunks of `rest` are not released yet. */
  | { outcome: 'paused'; forMs: number; rest: readonly EmbeddableChunk[] }
  | { outcome: 'stopping' }
);

/** Embeds, settles and releases parts of claims, with one provider. */
export class PartEmbedder {
  readonly health: ProviderHealth;
  readonly vectors: VectorSource;

  constructor(private readonly options: PartEmbedderOptions) {
    this.health = new ProviderHealth(options);
    this.vectors = new VectorSource(options);
  }

  /** Tries once to embed and settle the chunks. Chunks whose vector is known are stored, whatever the provider does. */
  async attempt(part: Part): Promise<Attempt> {
    const { signal } = this.options;
    const results: Results = new Map();
    try {
      const { known, beingEmbedded, wanted } = await untilAvailable(() => this.vectors.find(part), signal);
      const waiting = part.chunks.filter((chunk) => beingEmbedded.has(chunk.embeddingHash));
      if (waiting.length > 0) {
        await this.release({ ...part, chunks: waiting }, { redeliver: false });
        addAll(results, resultFor(waiting, later(beingEmbeddedMs)));
      }
      await this.dropLost(part, wanted);
      const failure = await this.make(wanted, known);
      const ready = part.chunks.filter((chunk) => known.has(chunk.embeddingHash));
      if (ready.length > 0) {
        addAll(results, await this.settle({ ...part, chunks: ready }, { vectors: known }));
      }
      if (!failure) {
        return { outcome: 'settled', results };
      }
      const rest = part.chunks.filter(({ embeddingHash }) => wanted.has(embeddingHash) && !known.has(embeddingHash));
      return await this.judge({ ...part, chunks: rest }, failure, results);
    } catch (thrown) {
      if (signal.aborted) {
        return { outcome: 'stopping', results };
      }
      // Storing failed. The transaction is rolled back as a whole, and the vectors are remembered.
      if (await untilAvailable(() => this.isOutdated(), signal)) {
        await this.release(part, { redeliver: true });
        return { outcome: 'settled', results };
      }
      this.options.logger.error({ err: thrown }, 'a batch could not be settled');
      return { outcome: 'poisoned', error: toMillraceError(thrown), rest: part.chunks, results };
    }
  }

  /** Settles all of the chunks as failed. */
  fail(part: Part, error: MillraceError): Promise<Results> {
    return this.settle(part, { error });
  }

  /** Releases the chunks and their texts. */
  async release(part: Part, options: { redeliver: boolean }): Promise<void> {
    const { database, deliveries, logger, signal } = this.options;
    const release = { token: part.token, chunkIds: part.chunks.map((chunk) => chunk.id), ...options };
    const dispatches = await untilAvailable(() => releaseChunks(database, release), signal);
    await this.vectors.release(part);
    logger.info({ chunks: part.chunks.length }, 'released unfinished chunks');
    await deliveries.chunks(dispatches);
  }

  /** Returns whether the database has changed to another model since. Then the chunks are not at fault. */
  private async isOutdated(): Promise<boolean> {
    const { database, target, provider } = this.options;
    const model = target.modelOf(await database.embeddingModels.find());
    return model === null || !isSameModel(model, provider);
  }

  /**
   * Removes the texts of chunks that are no longer held, so that they are not paid for. This process may have been
   * frozen, or the bisection may have taken long. The worker that holds the chunks now embeds them.
   */
  private async dropLost(part: Part, wanted: Map<string, string>): Promise<void> {
    const { database, provider, signal } = this.options;
    const chunks = part.chunks.filter((chunk) => wanted.has(chunk.embeddingHash));
    if (provider.inProcess || chunks.length === 0) {
      return;
    }
    const ids = chunks.map((chunk) => chunk.id);
    const held = await untilAvailable(() => database.jobChunks.findHeld(ids, part.token), signal);
    const heldHashes = new Set(chunks.filter((chunk) => held.has(chunk.id)).map((chunk) => chunk.embeddingHash));
    const lost = chunks.filter((chunk) => !heldHashes.has(chunk.embeddingHash));
    for (const { embeddingHash } of lost) {
      wanted.delete(embeddingHash);
    }
    if (lost.length > 0) {
      await this.vectors.release({ ...part, chunks: lost });
    }
  }

  /** Adds the vectors that the provider makes to the known ones. @returns the error when the provider failed. */
  private async make(
    wanted: ReadonlyMap<string, string>,
    known: Map<string, Float32Array>,
  ): Promise<MillraceError | null> {
    const { signal } = this.options;
    try {
      for await (const made of this.vectors.make(wanted)) {
        await untilAvailable(() => this.health.succeeded(), signal);
        for (const [hash, vector] of made) {
          known.set(hash, vector);
        }
      }
      return null;
    } catch (error) {
      signal.throwIfAborted();
      return toMillraceError(error);
    }
  }

  private async judge(part: Part, error: MillraceError, results: Results): Promise<Attempt> {
    const judgement = await untilAvailable(() => this.health.judge(error), this.options.signal);
    switch (judgement.blame) {
      case 'texts':
        return { outcome: 'poisoned', error, rest: part.chunks, results };
      case 'provider':
        return { outcome: 'paused', forMs: judgement.pausedForMs, rest: part.chunks, results };
      case 'setup':
        addAll(results, await this.fail(part, judgement.error));
        return { outcome: 'settled', results };
    }
  }

  /**
   * Settles chunks with their vectors, or all of them as failed. While the database is unreachable it waits, because
   * the vectors are paid for.
   * @returns results for the chunks that failed. Chunks that another worker has claimed since get none.
   */
  private async settle(
    { token, textToken, chunks }: Part,
    outcome: { vectors: ReadonlyMap<string, Float32Array> } | { error: MillraceError },
  ): Promise<Results> {
    const { database, provider, model, target, retryPolicy, rounds, metrics, signal } = this.options;
    const failed: FailedChunk[] =
      'error' in outcome ? chunks.map((chunk) => ({ chunkId: chunk.id, error: outcome.error })) : [];
    const embedded =
      'vectors' in outcome
        ? chunks.map((chunk) => ({
            chunk,
            embeddingHash: chunk.embeddingHash === chunk.contentHash ? null : chunk.embeddingHash,
            embedding: vectorOf(outcome.vectors, chunk),
          }))
        : [];
    const settlement = {
      token,
      textToken,
      embedded,
      failed,
      embeddingModel: model.key,
      table: target.table,
      claimedTexts: provider.inProcess ? [] : chunks.map((chunk) => chunk.embeddingHash),
    };
    const stopTimer = metrics.settleSeconds.startTimer();
    const settled = await untilAvailable(() => settleChunks(database, settlement, retryPolicy), signal);
    stopTimer();
    this.vectors.forget(chunks.filter((chunk) => settled.chunkIds.has(chunk.id)).map((chunk) => chunk.embeddingHash));
    await rounds.announce(settled.rounds);
    const settledFailures = failed.filter(({ chunkId }) => settled.chunkIds.has(chunkId));
    return new Map(
      settledFailures.map(({ chunkId, error }) => [
        chunkId,
        { outcome: 'failed', code: error.code, message: error.message },
      ]),
    );
  }
}

function vectorOf(vectors: ReadonlyMap<string, Float32Array>, chunk: EmbeddableChunk): Float32Array {
  const vector = vectors.get(chunk.embeddingHash);
  if (!vector) {
    throw new Error(`No vector was made for chunk ${chunk.id}.`);
  }
  return vector;
}
