/** The work that a service is doing at this moment, so that a stop can wait for it or have it released. */
export class RunningWork {
  private readonly works = new Set<Promise<unknown>>();
  private readonly stopping = new AbortController();

  /** Aborts when work is to be released instead of finished. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  /** Does `work`, and counts it as running until it ends. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.works.add(running);
    try {
      return await running;
    } finally {
      this.works.delete(running);
    }
  }

  /** Resolves when no work is running. It also waits for work that begins meanwhile. */
  async finish(): Promise<void> {
    while (this.works.size > 0) {
      await Promise.allSettled(this.works);
    }
  }

  /** Tells all running work to release what it has claimed, and waits until that is done. */
  async release(): Promise<void> {
    this.stopping.abort();
    await this.finish();
  }
}
