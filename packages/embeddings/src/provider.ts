import type { EmbeddingModel } from '@millrace/contracts';

export interface EmbedOptions {
  /** What the texts are: it decides which prefix of the model stands before each. Texts of documents when left out. */
  as?: 'query' | 'document';
  /** Ends the call early: `embed` then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** The facts about a provider that are known before a call. Its model is stored with every vector. */
export interface ProviderTraits extends EmbeddingModel {
  readonly name: string;
  /** The most tokens of a text, prefix included. */
  readonly maxTokens: number;
  /** The most texts in one request. It becomes smaller when the server says that it takes fewer. */
  readonly maxBatchSize: number;
  /** True when texts are embedded in this process. Then a call costs no money and needs no network. */
  readonly inProcess: boolean;
}

/**
 * Turns texts into vectors. Vectors are checked and have unit length (see checkedProvider.ts), so a dot product is the
 * cosine, and a wrong vector never reaches the database.
 */
export interface EmbeddingProvider extends Readonly<ProviderTraits> {
  /**
   * Returns one vector per text, in the order of the texts, for any number of texts. One rejected text rejects the call.
   * @throws MillraceError EMBEDDING_RATE_LIMITED (with `retryAfterMs` when the provider said so), EMBEDDING_TIMEOUT,
   *   EMBEDDING_UNAVAILABLE, EMBEDDING_INVALID_RESPONSE, EMBEDDING_REJECTED or EMBEDDING_DIMENSION_MISMATCH.
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>;

  /** Releases what the provider holds. It cannot be used afterwards. */
  close?(): Promise<void>;
}

/** What a provider's own code does. `checkedProvider` makes an EmbeddingProvider of it. */
export interface RawEmbeddingProvider {
  /** The most texts that the server takes, as far as its answers have said so. */
  readonly largestBatch?: number;

  /** Embeds 1 to `maxBatchSize` texts, in order. Vectors may have any length: the caller checks and scales them. */
  embedBatch(texts: readonly string[], signal: AbortSignal | undefined): Promise<readonly ArrayLike<number>[]>;

  close?(): Promise<void>;
}
