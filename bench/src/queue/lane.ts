import type { ChunkDispatch } from '@millrace/contracts';

/** A way to bring chunk deliveries through Redis to a worker. */
export interface Lane {
  /** Adds all deliveries; nobody takes them yet. */
  add(chunks: readonly ChunkDispatch[]): Promise<void>;
  /** Starts a worker that calls `taken` for each delivery. @returns how to stop it. */
  startWorker(taken: () => void): () => Promise<void>;
  close(): Promise<void>;
}

/** What a worker has in hand at once, as an embedder by default. */
export const concurrency = 192;
