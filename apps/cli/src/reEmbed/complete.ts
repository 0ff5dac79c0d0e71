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
import { showProgress } from '../index/progress';
import { describeFailures, describeProgress, describeStandstill } from './describe';

const everyMs = 1_000;
/** Counting all chunks takes so small a part of the time. */
const countingShare = 0.05;
/** So few chunks, and so small a part of all, are worth letting uploads wait for. */
const fewChunks = 1_000;
const smallShare = 0.02;
/** A close lapses by itself when this process is gone, is renewed until it has lasted too long, and is tried again later and later. */
const closeMs = 30_000;
const longestCloseMs = 120_000;
const firstBetweenClosesMs = 60_000;
const longestBetweenClosesMs = 1_800_000;
/** When nothing has moved for so long, somebody may be missing. */
const quietMs = 60_000;

const undefinedTable = '42P01';

export interface CompleteOptions {
  database: Database;
  reEmbedding: ReEmbedding;
  setup: EmbeddingModel;
  resources: Resources;
  /** Ends the waiting; what the services do goes on. */
  signal: AbortSignal;
}

/**
 * Waits until the services have made the new vectors, builds their indexes, and has them take the old ones' place. Documents
 * that are uploaded meanwhile would always leave something to do; so for the last few chunks nothing more is embedded with
 * the old model, for some seconds.
 * @throws MillraceError SETUP_INVALID when it is cancelled by somebody, or chunks have failed and little else is left.
 */
export async function completeReEmbedding(options: CompleteOptions): Promise<void> {
  const watch = new Watch(options);
  try {
    await complete(options, watch);
  } catch (error) {
    if ((error as { code?: unknown }).code !== undefinedTable) {
      throw error;
    }
    // The table of the new vectors is gone: somebody else has brought it to an end.
    await watch.find();
  }
}

async function complete(options: CompleteOptions, watch: Watch): Promise<void> {
  const { reEmbedding, resources } = options;
  let betweenClosesMs = firstBetweenClosesMs;
  let hasIndexes = false;
  for (;;) {
    const next = await watch.untilFewAreMissing();
    if (next === null) {
      return;
    }
    if (!hasIndexes) {
      console.error('Building the indexes.');
      await showProgress(reEmbedding.buildIndexes(next, resources), () => reEmbedding.buildProgress());
      hasIndexes = true;
      // It may have taken so long that more is missing by now than uploads can wait for.
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
      console.error('The last chunks take long; uploads go on, and it is tried again.');
      await untilLater(betweenClosesMs, options.signal);
      betweenClosesMs = Math.min(betweenClosesMs * 2, longestBetweenClosesMs);
    }
  }
}

/** Has embedding with the old model wait, and changes over as soon as nothing is missing. */
async function finish(
  { reEmbedding }: CompleteOptions,
  watch: Watch,
  next: NextModel,
): Promise<'done' | 'late' | 'failed' | 'unindexed'> {
  const until = performance.now() + longestCloseMs;
  try {
    while (performance.now() < until) {
      await reEmbedding.close(next, closeMs);
      const progress = await watch.look(next);
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

/** Looks how far it has come, and says so whenever that has changed. */
class Watch {
  private said = '';
  private movedAt = performance.now();
  private lookedMs = 0;

  constructor(private readonly options: CompleteOptions) {}

  /**
   * Resolves when only so few chunks are missing that the rest can be waited for.
   * @returns null when another process has brought it to its end.
   */
  async untilFewAreMissing(): Promise<NextModel | null> {
    for (;;) {
      const next = await this.find();
      if (next === null) {
        return null;
      }
      const progress = await this.look(next);
      const { chunks, done, failed } = progress;
      const unfailed = chunks - done - failed;
      const few = Math.min(fewChunks, chunks * smallShare);
      if (unfailed <= few) {
        // With steady uploads there is always a job under way, too.
        if (failed > 0) {
          throw new MillraceError('SETUP_INVALID', describeFailures(progress));
        }
        return next;
      }
      await this.pause();
    }
  }

  async look({ reEmbeddingId }: NextModel): Promise<ReEmbeddingProgress> {
    const start = performance.now();
    const progress = await findReEmbeddingProgress(this.options.database.sql, reEmbeddingId);
    this.lookedMs = performance.now() - start;
    this.say(progress);
    return progress;
  }

  /** Until it is worth looking again. */
  async pause(): Promise<void> {
    await untilLater(Math.max(everyMs, this.lookedMs / countingShare), this.options.signal);
  }

  /** What is under way; null when it has come to its end. @throws MillraceError SETUP_INVALID when it was cancelled */
  async find(): Promise<NextModel | null> {
    const { database, setup } = this.options;
    const { active, next } = await database.embeddingModels.find();
    if (next !== null && isSameModel(next, setup)) {
      return next;
    }
    if (isSameModel(active, setup)) {
      return null;
    }
    throw new MillraceError('SETUP_INVALID', 'The change has been cancelled.');
  }

  private say(progress: ReEmbeddingProgress): void {
    const line = describeProgress(progress);
    if (line !== this.said) {
      console.error(line);
      this.said = line;
      this.movedAt = performance.now();
    } else if (performance.now() - this.movedAt > quietMs) {
      console.error(describeStandstill(progress));
      this.movedAt = performance.now();
    }
  }
}

/** @throws the signal's reason once that is aborted */
async function untilLater(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
