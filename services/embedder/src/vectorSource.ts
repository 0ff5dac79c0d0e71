import { type Database, untilAvailable } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import { LRUCache } from 'lru-cache';
import type { Part } from './heldClaim';
import type { EmbedderMetrics } from './metrics';
import type { ProviderHealth } from './providerHealth';

/** Vectors made and not yet stored that are kept in memory, 3 KiB each at 768 dimensions. */
const rememberedVectors = 4_096;

export interface VectorSourceOptions {
  database: Database;
  provider: EmbeddingProvider;
  health: ProviderHealth;
  leaseMs: number;
  metrics: EmbedderMetrics;
  /** Breaks calls to the provider off. */
  signal: AbortSignal;
}

export interface Found {
  /** Vectors by content hash. */
  known: Map<string, Float32Array>;
  /** Content hashes of texts that somebody else is embedding at this moment: they will be known soon. */
  elsewhere: Set<string>;
  /** Texts to embed, by content hash. */
  wanted: Map<string, string>;
}

/**
 * Where vectors come from, the cheapest first: this process's memory (a settlement that has to be repeated pays
 * nothing), the stored chunks, the provider. Before the provider is asked, the text is claimed, so that no two workers
 * pay for it at the same time.
 */
export class VectorSource {
  private readonly remembered = new LRUCache<string, Float32Array>({ max: rememberedVectors });

  constructor(private readonly options: VectorSourceOptions) {}

  /** Looks for the vectors of the chunks, and claims the texts that have none: the settlement lets go of them. */
  async find({ chunks, textToken }: Part): Promise<Found> {
    const { database, provider, metrics } = this.options;
    const texts = new Map(chunks.map((chunk) => [chunk.contentHash, chunk.payload.text]));
    const known = new Map<string, Float32Array>();
    for (const hash of texts.keys()) {
      const vector = this.remembered.get(hash);
      if (vector) {
        known.set(hash, vector);
      }
    }
    const unknown = [...texts.keys()].filter((hash) => !known.has(hash));
    const claimed = await this.claim(unknown, textToken);
    const elsewhere = new Set(unknown.filter((hash) => !claimed.has(hash)));
    // After the claim: whoever held it before has stored the vector in the transaction that let go of it.
    for (const table of new Set(chunks.map((chunk) => chunk.into))) {
      const hashes = chunks.filter((chunk) => chunk.into === table).map((chunk) => chunk.contentHash);
      const wanted = hashes.filter((hash) => claimed.has(hash));
      for (const [hash, vector] of await database.documentChunks.findEmbeddings(wanted, provider.model, table)) {
        known.set(hash, vector);
      }
    }
    metrics.cacheHits.inc(chunks.filter((chunk) => known.has(chunk.contentHash)).length);
    const wanted = new Map([...texts].filter(([hash]) => claimed.has(hash) && !known.has(hash)));
    return { known, elsewhere, wanted };
  }

  /** Has the provider embed texts. @throws MillraceError of the provider's */
  async make(wanted: ReadonlyMap<string, string>): Promise<Map<string, Float32Array>> {
    const made = new Map<string, Float32Array>();
    if (wanted.size === 0) {
      return made;
    }
    const { provider, health, metrics, signal } = this.options;
    const stopTimer = metrics.providerSeconds.startTimer();
    const vectors = await provider.embed([...wanted.values()], { signal });
    stopTimer();
    metrics.embedded.inc(wanted.size);
    [...wanted.keys()].forEach((hash, i) => {
      const vector = vectors[i];
      if (vector) {
        made.set(hash, vector);
        this.remembered.set(hash, vector);
      }
    });
    await untilAvailable(() => health.succeeded(), signal);
    return made;
  }

  /** Forgets vectors that are stored: they are found there, as long as they are there. */
  forget(contentHashes: Iterable<string>): void {
    for (const hash of contentHashes) {
      this.remembered.delete(hash);
    }
  }

  /** Lets go of the claims on a part's texts, for work that ends without a settlement. */
  async letGo({ chunks, textToken }: Part): Promise<void> {
    if (!this.options.provider.inProcess) {
      await this.options.database.embeddingClaims.release(
        chunks.map((chunk) => chunk.contentHash),
        textToken,
      );
    }
  }

  /** Pushes the deadline of the claims under the tokens forward. */
  async renew(textTokens: readonly string[]): Promise<void> {
    if (!this.options.provider.inProcess) {
      await this.options.database.embeddingClaims.renew(textTokens, this.options.leaseMs);
    }
  }

  private async claim(hashes: readonly string[], token: string): Promise<Set<string>> {
    const { database, provider, leaseMs } = this.options;
    // Where a call costs nobody anything, embedding twice is quicker than asking.
    if (provider.inProcess || hashes.length === 0) {
      return new Set(hashes);
    }
    return database.embeddingClaims.take({ contentHashes: hashes, model: provider.model, token, leaseMs });
  }
}
