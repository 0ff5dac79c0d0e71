/** The item was submitted after `drain`. Its work was not started. */
export class BatcherDrainedError extends Error {
  constructor() {
    super('The batcher is drained and accepts no more items.');
    this.name = 'BatcherDrainedError';
  }
}

export interface MicroBatcherOptions<In, Out> {
  /** The most items in a batch. */
  maxSize: number;
  /**
   * The longest time, in milliseconds, that the first item of a batch waits for others while a slot is free. 0 is until the
   * next timer tick. When no batch is running, the wait also ends as soon as no more items arrive.
   */
  maxWaitMs: number;
  /** The most batches that run at the same time. */
  concurrency: number;
  /** Returns one result per item, in order. When it rejects, every item of the batch rejects with its error. */
  run(items: In[]): Promise<PromiseSettledResult<Out>[]>;
}

/** Deliveries arrive one round trip apart. After this time without an item, no more are on their way. */
const quietMs = 2;

interface Waiting<In, Out> {
  item: In;
  submittedAt: number;
  resolve(value: Out): void;
  reject(reason: unknown): void;
}

/**
 * Gathers single items into batches.
 *
 * A batch starts when a slot is free and one of these holds: the batch is full; its first item has waited long enough; no
 * batch is running and no more items arrive. While all slots are busy, items gather, so a busier runner gets fuller
 * batches. At most one timer is set, and only while a slot is free. When a batch ends, the next one is considered at once.
 */
export class MicroBatcher<In, Out> {
  private readonly waiting: Waiting<In, Out>[] = [];
  private readonly whenIdle: (() => void)[] = [];
  private running = 0;
  private draining = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: MicroBatcherOptions<In, Out>) {}

  /** Returns the result of `item`. Rejects with the error of the item or of its batch, or with BatcherDrainedError. */
  submit(item: In): Promise<Out> {
    if (this.draining) {
      return Promise.reject(new BatcherDrainedError());
    }
    return new Promise<Out>((resolve, reject) => {
      this.waiting.push({ item, submittedAt: performance.now(), resolve, reject });
      this.startDueBatches();
    });
  }

  /** Runs all waiting items at once and refuses new ones. Resolves when every batch has ended. */
  async drain(): Promise<void> {
    this.draining = true;
    this.startDueBatches();
    if (this.running > 0 || this.waiting.length > 0) {
      await new Promise<void>((resolve) => this.whenIdle.push(resolve));
    }
  }

  private startDueBatches(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { concurrency, maxSize } = this.options;
    while (this.running < concurrency) {
      const [first] = this.waiting;
      if (!first) {
        break;
      }
      const remainingMs = this.dueTime(first) - performance.now();
      if (this.waiting.length < maxSize && remainingMs > 0 && !this.draining) {
        this.timer = setTimeout(() => this.startDueBatches(), Math.ceil(remainingMs));
        break;
      }
      void this.runBatch(this.waiting.splice(0, maxSize));
    }
    if (this.draining && this.running === 0 && this.waiting.length === 0) {
      for (const resolve of this.whenIdle.splice(0)) {
        resolve();
      }
    }
  }

  /** Returns when the batch of this first item starts if nothing else happens before. */
  private dueTime(first: Waiting<In, Out>): number {
    // At least one timer tick, so that items that are submitted together are in one batch.
    const latest = first.submittedAt + Math.max(this.options.maxWaitMs, 1);
    const last = this.waiting.at(-1) ?? first;
    return this.running === 0 ? Math.min(latest, last.submittedAt + quietMs) : latest;
  }

  private async runBatch(batch: Waiting<In, Out>[]): Promise<void> {
    this.running++;
    try {
      const results = await this.options.run(batch.map(({ item }) => item));
      if (results.length !== batch.length) {
        throw new Error(`A batch of ${batch.length} items ended with ${results.length} results.`);
      }
      for (const [place, result] of results.entries()) {
        if (result.status === 'fulfilled') {
          batch[place]?.resolve(result.value);
        } else {
          batch[place]?.reject(result.reason);
        }
      }
    } catch (error) {
      for (const { reject } of batch) {
        reject(error);
      }
    } finally {
      this.running--;
      this.startDueBatches();
    }
  }
}
