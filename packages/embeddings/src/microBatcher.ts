/** Submitted after `drain`: the work was not started. */
export class BatcherDrainedError extends Error {
  constructor() {
    super('The batcher is drained and takes no more work.');
    this.name = 'BatcherDrainedError';
  }
}

export interface MicroBatcherOptions<In, Out> {
  /** The most items in a batch. */
  maxSize: number;
  /**
   * Milliseconds that the first item of a batch waits for others at most while a slot is free (0: this turn of the loop).
   * When no batch is running it waits only as long as others keep coming.
   */
  maxWaitMs: number;
  /** The most batches running at once. */
  concurrency: number;
  /** One result per item, in order. When it rejects, every item of the batch rejects with that error. */
  run(items: In[]): Promise<PromiseSettledResult<Out>[]>;
}

/** After so many milliseconds without a further item no more are on their way: they come one round trip after another. */
const quietMs = 2;

interface Waiting<In, Out> {
  item: In;
  submittedAt: number;
  resolve(value: Out): void;
  reject(reason: unknown): void;
}

/**
 * Gathers single submissions into batches.
 *
 * A batch starts when a slot is free and it is full, or its first item has waited long enough, or nothing is running
 * and nothing more is coming. While every slot is busy, items go on gathering, so that the busier the runner is, the
 * fuller its batches. One timer at most is set, and only while a slot is free: a slot that becomes free looks at the
 * queue itself.
 */
export class MicroBatcher<In, Out> {
  private readonly options: MicroBatcherOptions<In, Out>;
  private readonly waiting: Waiting<In, Out>[] = [];
  private readonly whenIdle: (() => void)[] = [];
  private running = 0;
  private draining = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: MicroBatcherOptions<In, Out>) {
    this.options = options;
  }

  /** The result of `item`; rejects with its own failure, its batch's failure, or BatcherDrainedError. */
  submit(item: In): Promise<Out> {
    if (this.draining) {
      return Promise.reject(new BatcherDrainedError());
    }
    return new Promise<Out>((resolve, reject) => {
      this.waiting.push({ item, submittedAt: performance.now(), resolve, reject });
      this.startDue();
    });
  }

  /** Runs what waits without waiting for more, and resolves when every batch has ended. New items are refused. */
  async drain(): Promise<void> {
    this.draining = true;
    this.startDue();
    if (this.running > 0 || this.waiting.length > 0) {
      await new Promise<void>((resolve) => this.whenIdle.push(resolve));
    }
  }

  private startDue(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { concurrency, maxSize } = this.options;
    while (this.running < concurrency) {
      const [first] = this.waiting;
      if (!first) {
        break;
      }
      const remainingMs = this.dueAt(first) - performance.now();
      if (this.waiting.length < maxSize && remainingMs > 0 && !this.draining) {
        this.timer = setTimeout(() => this.startDue(), Math.ceil(remainingMs));
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

  /** When the batch that begins with this item starts if no slot, item or end comes in between. */
  private dueAt(first: Waiting<In, Out>): number {
    // At least one timer tick, so that submissions made together travel together.
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
      this.startDue();
    }
  }
}
