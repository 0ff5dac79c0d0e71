import { setTimeout } from 'node:timers/promises';
import { type EmbeddingModel, isSameModel, MillraceError } from '@millrace/contracts';
import {
  type Database,
  findReEmbeddingProgress,
  type NextModel,
  type ReEmbedding,
  type ReEmbeddingProgress,
  type Resources,
} from '@millrace/database';
import { showProgress } from '../vectorIndex/progress';
import { describeFailures, describeProgress, describeStandstill } from './describe';

const pollMs = 1_000;
/** The largest share of the time that may be spent on counting chunks. A slow count is therefore repeated less often. */
const maxCountingShare = 0.05;
/** Embedding with the old model is closed only when no more chunks are open than the smaller of these limits. */
const maxOpenChunks = 1_000;
const maxOpenShare = 0.02;
/**
 * While embedding is closed, uploads wait. A close ends after `closeMs` unless it is renewed, even if this process
 * dies.
 */
const closeMs = 30_000;
/** A close is renewed for at most this long. */
const maxCloseMs = 120_000;
/** The pause before the next close. It doubles each time, up to the maximum. */
const firstPauseMs = 60_000;
const maxPauseMs = 1_800_000;
/** When there is no progress for this long, a hint is printed: a service may be missing. */
const standstillMs = 60_000;

const undefinedTable = '42P01';

export interface CompleteOptions {
  database: Database;
  reEmbedding: ReEmbedding;
  setup: EmbeddingModel;
  resources: Resources;
  /** Stops the command. The services continue to make vectors. */
  signal: AbortSignal;
}

/**
 * Waits until the services have made the new vectors, builds their indexes, and replaces the old vectors by them. With
 * steady uploads some chunks would always be open. So it closes embedding with the old model for some seconds while the
 * last few chunks get their vectors.
 * @throws MillraceError SETUP_INVALID when the re-embedding was cancelled, or when chunks have failed and few are open
 */
export async function completeReEmbedding(options: CompleteOptions): Promise<void> {
  const watch = new ProgressWatch(options);
  try {
    await complete(options, watch);
  } catch (error) {
    if ((error as { code?: unknown }).code !== undefinedTable) {
      throw error;
    }
    // Another process has ended the re-embedding, so the table of the new vectors no longer exists. This throws when the
    // re-embedding was cancelled.
    await watch.findNextModel();
  }
}

async function complete(options: CompleteOptions, watch: ProgressWatch): Promise<void> {
  const { reEmbedding, resources } = options;
  let pauseMs = firstPauseMs;
  let hasIndexes = false;
  for (;;) {
    const next = await watch.waitUntilFewAreOpen();
    if (next === null) {
      return;
    }
    if (!hasIndexes) {
      console.error('Building the indexes.');
      await showProgress(reEmbedding.buildIndexes(next, resources), () => reEmbedding.buildProgress());
      hasIndexes = true;
      // Uploads have added chunks during the build, perhaps too many to close embedding.
      continue;
    }
    const outcome = await closeAndChange(options, watch, next);
    switch (outcome) {
      case 'changed':
        return;
      case 'indexMissing':
        hasIndexes = false;
        break;
      case 'timedOut':
        console.error('The last chunks take long. Uploads go on, and the change is tried again later.');
        await pauseFor(pauseMs, options.signal);
        pauseMs = Math.min(pauseMs * 2, maxPauseMs);
        break;
      case 'chunksFailed':
        // The next wait throws when few chunks are open.
        break;
    }
  }
}

/** Closes embedding with the old model, and changes the model as soon as every chunk has its new vector. */
async function closeAndChange(
  { reEmbedding }: CompleteOptions,
  watch: ProgressWatch,
  next: NextModel,
): Promise<'changed' | 'timedOut' | 'chunksFailed' | 'indexMissing'> {
  const until = performance.now() + maxCloseMs;
  try {
    while (performance.now() < until) {
      await reEmbedding.close(next, closeMs);
      const progress = await watch.read(next);
      if (progress.done === progress.chunks) {
        if (await reEmbedding.change(next)) {
          return 'changed';
        }
        if (await reEmbedding.lacksIndexes(next)) {
          return 'indexMissing';
        }
      }
      if (progress.failed > 0) {
        return 'chunksFailed';
      }
      await watch.pause();
    }
    return 'timedOut';
  } finally {
    // Opens embedding again.
    await reEmbedding.close(next, 0);
  }
}

/** Reads the progress, and prints it whenever it has changed. */
class ProgressWatch {
  private printed = '';
  private changedAt = performance.now();
  private readMs = 0;

  constructor(private readonly options: CompleteOptions) {}

  /**
   * Waits until few chunks are open, so that uploads can wait for them.
   * @returns null when another process has completed the re-embedding
   * @throws MillraceError SETUP_INVALID when chunks have failed and few are open, or when the re-embedding was cancelled
   */
  async waitUntilFewAreOpen(): Promise<NextModel | null> {
    for (;;) {
      const next = await this.findNextModel();
      if (next === null) {
        return null;
      }
      const progress = await this.read(next);
      const { chunks, done, failed } = progress;
      const open = chunks - done - failed;
      // Failed chunks are reported before all jobs have ended, because with steady uploads some job is always open.
      if (open <= Math.min(maxOpenChunks, chunks * maxOpenShare)) {
        if (failed > 0) {
          throw new MillraceError('SETUP_INVALID', describeFailures(progress));
        }
        return next;
      }
      await this.pause();
    }
  }

  async read({ reEmbeddingId }: NextModel): Promise<ReEmbeddingProgress> {
    const start = performance.now();
    const progress = await findReEmbeddingProgress(this.options.database.sql, reEmbeddingId);
    this.readMs = performance.now() - start;
    this.print(progress);
    return progress;
  }

  /** Waits until the next read is due. A slow read is followed by a longer pause. */
  async pause(): Promise<void> {
    await pauseFor(Math.max(pollMs, this.readMs / maxCountingShare), this.options.signal);
  }

  /**
   * Returns the next model, or null when the re-embedding is complete.
   * @throws MillraceError SETUP_INVALID when the re-embedding was cancelled
   */
  async findNextModel(): Promise<NextModel | null> {
    const { database, setup } = this.options;
    const { active, next } = await database.embeddingModels.find();
    if (next !== null && isSameModel(next, setup)) {
      return next;
    }
    if (isSameModel(active, setup)) {
      return null;
    }
    throw new MillraceError('SETUP_INVALID', 'The re-embedding was cancelled.');
  }

  private print(progress: ReEmbeddingProgress): void {
    const line = describeProgress(progress);
    if (line !== this.printed) {
      console.error(line);
      this.printed = line;
      this.changedAt = performance.now();
    } else if (performance.now() - this.changedAt > standstillMs) {
      console.error(describeStandstill(progress));
      this.changedAt = performance.now();
    }
  }
}

/** @throws the reason of the signal when it is aborted */
async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
