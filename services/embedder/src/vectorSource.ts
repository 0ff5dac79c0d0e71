import type { Database, StoredModel } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import { LRUCache } from 'lru-cache';
import type { Part } from './heldClaim';
import type { EmbedderMetrics } from './metrics';
import type { Target } from './target';

/** How many vectors that are made and not yet stored are kept in memory. Each takes 3 KiB at 768 dimensions. */
const rememberedVectors = 4_096;

export interface VectorSourceOptions {
  target: Target;
  database: Database;
  provider: EmbeddingProvider;
  /** The provider's model, as the database knows it. */
  model: StoredModel;
  leaseMs: number;
  metrics: EmbedderMetrics;
  /** Ends calls to the provider. */
  signal: AbortSignal;
}

export interface Found {
  /** Vectors by the hash of what was embedded. */
  known: Map<string, Float32Array>;
  /** Hashes of texts that another worker embeds at this moment. They will be known soon. */
  beingEmbedded: Set<string>;
  /** Texts to embed, by their hash. */
  wanted: Map<string, string>;
}

/**
 * Gets vectors from the cheapest source: this process's memory (a settlement that has to be repeated pays nothing), then
 * the stored vectors, then the provider. Before the provider is asked, the text is claimed, so that no two workers pay for
 * it at the same time.
 */
export class VectorSource {
  private readonly remembered = new LRUCache<string, Float32Array>({ max: rememberedVectors });

  constructor(private readonly options: VectorSourceOptions) {}

  /** Looks for the vectors of the chunks, and claims the texts that have none. The settlement releases these claims. */
  async find({ chunks, textToken }: Part): Promise<Found> {
    const { database, model, target, metrics } = this.options;
    const texts = new Map(chunks.map((chunk) => [chunk.embeddingHash, chunk.embeddedText]));
    const known = new Map<string, Float32Array>();
    for (const hash of texts.keys()) {
      const vector = this.remembered.get(hash);
      if (vector) {
        known.set(hash, vector);
      }
    }
    const unknown = [...texts.keys()].filter((hash) => !known.has(hash));
    const claimed = await this.claim(unknown, textToken);
    const beingEmbedded = new Set(unknown.filter((hash) => !claimed.has(hash)));
    // After the claim: its last holder stored the vector in the transaction that released the claim.
    const stored = await database.documentChunks.findEmbeddings([...claimed], model.key, target.table);
    for (const [hash, vector] of stored) {
      known.set(hash, vector);
    }
    metrics.cacheHits.inc(chunks.filter((chunk) => known.has(chunk.embeddingHash)).length);
    const wanted = new Map([...texts].filter(([hash]) => claimed.has(hash) && !known.has(hash)));
    return { known, beingEmbedded, wanted };
  }

  /**
   * Has the provider embed texts, in one call unless the server takes fewer. Yields the vectors of each call, so that those
   * before a failure are kept. @throws as EmbeddingProvider.embed
   */
  async *make(wanted: ReadonlyMap<string, string>): AsyncGenerator<Map<string, Float32Array>> {
    const { provider, metrics, signal } = this.options;
    const hashes = [...wanted.keys()];
    for (let start = 0; start < hashes.length; ) {
      const called = hashes.slice(start, start + provider.maxBatchSize);
      start += called.length;
      const stopTimer = metrics.providerSeconds.startTimer();
      const vectors = await provider.embed(
        called.map((hash) => wanted.get(hash) ?? ''),
        { signal },
      );
      stopTimer();
      metrics.embedded.inc(called.length);
      const made = new Map(called.map((hash, i) => [hash, vectors[i] as Float32Array]));
      for (const [hash, vector] of made) {
        this.remembered.set(hash, vector);
      }
      yield made;
    }
  }

  /** Forgets vectors that are stored. From now on they are found in the database. */
  forget(hashes: Iterable<string>): void {
    for (const hash of hashes) {
      this.remembered.delete(hash);
    }
  }

  /** Releases the claims on a part's texts, for work that ends without a settlement. */
  async release({ chunks, textToken }: Part): Promise<void> {
    if (!this.options.provider.inProcess) {
      await this.options.database.embeddingClaims.release(
        chunks.map((chunk) => chunk.embeddingHash),
        textToken,
      );
    }
  }

  /** Renews the claims under the tokens. */
  async renew(textTokens: readonly string[]): Promise<void> {
    if (!this.options.provider.inProcess) {
      await this.options.database.embeddingClaims.renew(textTokens, this.options.leaseMs);
    }
  }

  private async claim(hashes: readonly string[], token: string): Promise<Set<string>> {
    const { database, provider, model, leaseMs } = this.options;
    // Where a call costs nothing, embedding twice is quicker than a claim.
    if (provider.inProcess || hashes.length === 0) {
      return new Set(hashes);
    }
    return database.embeddingClaims.take({ contentHashes: hashes, model: model.key, token, leaseMs });
  }
}
