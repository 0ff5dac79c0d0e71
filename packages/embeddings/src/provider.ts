/** The names `EMBEDDING_PROVIDER` takes. */
export type EmbeddingProviderName = 'static' | 'openai';

export interface EmbedOptions {
  /** Ends the call early: `embed` then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Turns texts into vectors. Whatever the provider, vectors are checked and of unit length (see checkedProvider.ts),
 * so that a dot product is the cosine and a wrong vector never reaches the database.
 */
export interface EmbeddingProvider {
  readonly name: EmbeddingProviderName;
  /** Stored beside every vector; two models' vectors are never compared. */
  readonly model: string;
  /** The length of every vector. */
  readonly dimensions: number;
  /** The most texts that go into one request; `embed` takes any number and splits it. */
  readonly maxBatchSize: number;
  /** True when texts are embedded in this process, so that a call costs nobody anything. */
  readonly inProcess: boolean;

  /**
   * One vector per text, in the order of the texts. All or nothing: one rejected text rejects the call.
   * @throws MillraceError EMBEDDING_RATE_LIMITED (with `retryAfterMs` when the provider said so), EMBEDDING_TIMEOUT,
   *   EMBEDDING_UNAVAILABLE, EMBEDDING_INVALID_RESPONSE, EMBEDDING_REJECTED or EMBEDDING_DIMENSION_MISMATCH.
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>;

  /** Releases what the provider holds; it is not used afterwards. */
  close?(): Promise<void>;
}

/** What a provider itself has to do; checkedProvider makes an EmbeddingProvider of it. */
export interface RawEmbeddingProvider {
  readonly name: EmbeddingProviderName;
  readonly model: string;
  readonly dimensions: number;
  readonly maxBatchSize: number;
  readonly inProcess: boolean;

  /** Vectors for 1 to `maxBatchSize` texts, in order and of any length: the caller checks and scales them. */
  embedBatch(texts: readonly string[], signal: AbortSignal | undefined): Promise<readonly ArrayLike<number>[]>;

  close?(): Promise<void>;
}
