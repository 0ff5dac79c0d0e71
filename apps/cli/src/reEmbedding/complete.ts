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

const everyMs = 1_000;
/** The largest part of the time that counting the chunks may take. */
const countingShare = 0.05;
/** Uploads wait only for the last chunks: at most so many, and at most such a part of all. */
const fewChunks = 1_000;
const smallShare = 0.02;
/**
 * While embedding is closed, uploads wait. A close expires when this process dies. It is renewed up to a limit, and tried
 * again after longer and longer pauses.
 */
const closeMs = 30_000;
const longestCloseMs = 120_000;
const firstBetweenClosesMs = 60_000;
const longestBetweenClosesMs = 1_800_000;
/** After so long without progress, a service may be missing. */
const quietMs = 60_000;

const undefinedTable = '42P01';

export interface CompleteOptions {
  database: Database;
  reEmbedding: ReEmbedding;
  setup: EmbeddingModel;
  resources: Resources;
  /** Ends the waiting. The services go on. */
  signal: AbortSignal;
}

/**
 * Waits until the services have made the new vectors, builds their indexes, and puts them in the place of the old ones.
 * Steady uploads would always leave some chunks to do. So for the last few chunks it closes embedding with the old model
 * for some seconds.
 * @throws MillraceError SETUP_INVALID when the re-embedding was cancelled, or chunks have failed and few others are left
 */
export async function completeReEmbedding(options: CompleteOptions): Promise<void> {
  const watch = new Watch(options);
  try {
    await complete(options, watch);
  } catch (error) {
    if ((error as { code?: unknown }).code !== undefinedTable) {
      throw error;
    }
    // Another process has ended the re-embedding, so the table of the new vectors no longer exists.
    await watch.find();
  }
}

async function complete(options: CompleteOptions, watch: Watch): Promise<void> {
  const { reEmbedding, resources } = options;
  let betweenClosesMs = firstBetweenClosesMs;
  let hasIndexes = false;
  for (;;) {
    const next = await watch.untilFewAreLeft();
    if (next === null) {
      return;
    }
    if (!hasIndexes) {
      console.error('Building the indexes.');
      await showProgress(reEmbedding.buildIndexes(next, resources), () => reEmbedding.buildProgress());
      hasIndexes = true;
      // Meanwhile more chunks may have come than uploads can wait for.
      continue;
    }
    const outcome = await finish(options, watch, next);
    if (outcome === 'done') {
      return;
    }
    if (outcome === 'unindexed') {
      hasIndexes = false;
    }
    if (outcome === 'late') {
      console.error('The last chunks take long. Uploads go on, and the change is tried again later.');
      await pauseFor(betweenClosesMs, options.signal);
      betweenClosesMs = Math.min(betweenClosesMs * 2, longestBetweenClosesMs);
    }
  }
}

/** Closes embedding with the old model, and makes the change as soon as no chunk is left. */
async function finish(
  { reEmbedding }: CompleteOptions,
  watch: Watch,
  next: NextModel,
): Promise<'done' | 'late' | 'failed' | 'unindexed'> {
  const until = performance.now() + longestCloseMs;
  try {
    while (performance.now() < until) {
      await reEmbedding.close(next, closeMs);
      const progress = await watch.read(next);
      if (progress.done === progress.chunks) {
        if (await reEmbedding.change(next)) {
          return 'done';
        }
        if (await reEmbedding.lacksIndexes(next)) {
          return 'unindexed';
        }
      }
      if (progress.failed > 0) {
        return 'failed';
      }
      await watch.pause();
    }
    return 'late';
  } finally {
    await reEmbedding.close(next, 0);
  }
}

/** Reads the progress, and prints it whenever it has changed. */
class Watch {
  private printed = '';
  private movedAt = performance.now();
  private readMs = 0;

  constructor(private readonly options: CompleteOptions) {}

  /**
   * Waits until so few chunks are left that uploads can wait for them.
   * @returns null when another process has completed the re-embedding
   * @throws MillraceError SETUP_INVALID when chunks have failed and few others are left
   */
  async untilFewAreLeft(): Promise<NextModel | null> {
    for (;;) {
      const next = await this.find();
      if (next === null) {
        return null;
      }
      const progress = await this.read(next);
      const { chunks, done, failed } = progress;
      const open = chunks - done - failed;
      const few = Math.min(fewChunks, chunks * smallShare);
      // Steady uploads leave an open job at any time, so failed chunks are not waited for until all jobs have ended.
      if (open <= few) {
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

  /** Waits until it is worth reading again. */
  async pause(): Promise<void> {
    await pauseFor(Math.max(everyMs, this.readMs / countingShare), this.options.signal);
  }

  /**
   * Returns the re-embedding, or null when it is complete.
   * @throws MillraceError SETUP_INVALID when it was cancelled
   */
  async find(): Promise<NextModel | null> {
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
      this.movedAt = performance.now();
    } else if (performance.now() - this.movedAt > quietMs) {
      console.error(describeStandstill(progress));
      this.movedAt = performance.now();
    }
  }
}

/** @throws the reason of the signal when it is aborted */
async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
