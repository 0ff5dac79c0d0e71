import { BatcherDrainedError, MicroBatcher } from '../src';

/** A runner whose batches end when the test ends them. */
function heldRunner() {
  const batches: { items: number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  let running = 0;
  let mostRunning = 0;
  const whenStarted: (() => void)[] = [];
  return {
    batches,
    mostRunning: () => mostRunning,
    /** Resolves when at least `count` batches have started. */
    async started(count: number): Promise<void> {
      while (batches.length < count) {
        await new Promise<void>((resolve) => whenStarted.push(resolve));
      }
    },
    run(items: number[]): Promise<PromiseSettledResult<string>[]> {
      running++;
      mostRunning = Math.max(mostRunning, running);
      return new Promise<PromiseSettledResult<string>[]>((resolve, reject) => {
        batches.push({
          items,
          finish: () => resolve(items.map((item) => ({ status: 'fulfilled', value: `done ${item}` }))),
          fail: reject,
        });
        for (const wake of whenStarted.splice(0)) {
          wake();
        }
      }).finally(() => {
        running--;
      });
    },
  };
}

const longWait = 3_600_000;

describe('The micro-batcher', () => {
  test('When a batch is full, then it starts without a wait', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 3, maxWaitMs: longWait, concurrency: 2, run: runner.run });
    const results = [1, 2, 3].map((item) => batcher.submit(item));
    expect(runner.batches.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    runner.batches[0]?.finish();
    expect(await Promise.all(results)).toEqual(['done 1', 'done 2', 'done 3']);
  });

  test('When no more items arrive, then the waiting ones start together after the wait', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 100, maxWaitMs: 5, concurrency: 1, run: runner.run });
    const results = [1, 2].map((item) => batcher.submit(item));
    expect(runner.batches).toEqual([]);
    await runner.started(1);
    expect(runner.batches.map(({ items }) => items)).toEqual([[1, 2]]);
    runner.batches[0]?.finish();
    await Promise.all(results);
  });

  test('When no batch is running and no more items arrive, then the batch starts before the whole wait has passed', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 100, maxWaitMs: longWait, concurrency: 2, run: runner.run });
    const results = [1, 2].map((item) => batcher.submit(item));
    await runner.started(1);
    expect(runner.batches.map(({ items }) => items)).toEqual([[1, 2]]);
    runner.batches[0]?.finish();
    await Promise.all(results);
  });

  /** Resolves after the pause in which a batcher starts when none of its batches is running. */
  async function idlePause(): Promise<void> {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 100, maxWaitMs: longWait, concurrency: 2, run: runner.run });
    const result = batcher.submit(0);
    await runner.started(1);
    runner.batches[0]?.finish();
    await result;
  }

  test('When a batch is running, then the next one gathers for the whole wait, and starts as soon as the first ends', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 100, maxWaitMs: longWait, concurrency: 2, run: runner.run });
    const results = [batcher.submit(1)];
    await runner.started(1);
    results.push(batcher.submit(2));
    await idlePause();
    results.push(batcher.submit(3));
    expect(runner.batches).toHaveLength(1);
    runner.batches[0]?.finish();
    await runner.started(2);
    expect(runner.batches[1]?.items).toEqual([2, 3]);
    runner.batches[1]?.finish();
    expect(await Promise.all(results)).toEqual(['done 1', 'done 2', 'done 3']);
  });

  test('When the wait is zero, then items that are submitted together are still in one batch', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 100, maxWaitMs: 0, concurrency: 1, run: runner.run });
    const results = [1, 2, 3].map((item) => batcher.submit(item));
    await runner.started(1);
    expect(runner.batches.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    runner.batches[0]?.finish();
    await Promise.all(results);
  });

  test('When all slots are busy, then items gather, and the next batches are full', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 4, maxWaitMs: 1, concurrency: 2, run: runner.run });
    const results = [batcher.submit(1)];
    await runner.started(1);
    results.push(batcher.submit(2));
    await runner.started(2);
    for (let item = 3; item <= 12; item++) {
      results.push(batcher.submit(item));
    }
    expect(runner.batches).toHaveLength(2);
    for (let i = 0; i < 5; i++) {
      await runner.started(i + 1);
      runner.batches[i]?.finish();
    }
    expect(await Promise.all(results)).toHaveLength(12);
    expect(runner.batches.map(({ items }) => items)).toEqual([[1], [2], [3, 4, 5, 6], [7, 8, 9, 10], [11, 12]]);
    expect(runner.mostRunning()).toBe(2);
  });

  test('When one item of a batch fails, then the others succeed', async () => {
    const batcher = new MicroBatcher<number, number>({
      maxSize: 3,
      maxWaitMs: 1,
      concurrency: 1,
      run: async (items) =>
        items.map((item) =>
          item === 2 ? { status: 'rejected', reason: new Error('two') } : { status: 'fulfilled', value: item * 10 },
        ),
    });
    const settled = await Promise.allSettled([1, 2, 3].map((item) => batcher.submit(item)));
    expect(settled).toEqual([
      { status: 'fulfilled', value: 10 },
      { status: 'rejected', reason: new Error('two') },
      { status: 'fulfilled', value: 30 },
    ]);
  });

  test('When a whole batch fails, then all its items reject, and the next batch runs', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 2, maxWaitMs: 1, concurrency: 1, run: runner.run });
    const settled = Promise.allSettled([1, 2, 3].map((item) => batcher.submit(item)));
    runner.batches[0]?.fail(new Error('away'));
    await runner.started(2);
    runner.batches[1]?.finish();
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  test.each([
    [
      'throws at once',
      () => {
        throw new Error('broken');
      },
    ],
    ['returns too few results', async () => []],
  ])('When the runner %s, then the batch rejects, and its slot is free again', async (_, run) => {
    const batcher = new MicroBatcher<number, number>({ maxSize: 1, maxWaitMs: 1, concurrency: 1, run });
    await expect(batcher.submit(1)).rejects.toThrow();
    await expect(batcher.submit(2)).rejects.toThrow();
  });

  test('When the batcher is drained, then waiting items run, all batches are awaited, and new items are refused', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 2, maxWaitMs: longWait, concurrency: 1, run: runner.run });
    const results = [1, 2, 3].map((item) => batcher.submit(item));
    let drained = false;
    const draining = batcher.drain().then(() => {
      drained = true;
    });
    await expect(batcher.submit(4)).rejects.toThrow(BatcherDrainedError);
    runner.batches[0]?.finish();
    await runner.started(2);
    expect(drained).toBe(false);
    expect(runner.batches.map(({ items }) => items)).toEqual([[1, 2], [3]]);
    runner.batches[1]?.finish();
    await draining;
    expect(await Promise.all(results)).toEqual(['done 1', 'done 2', 'done 3']);
  });

  test('When an idle batcher is drained twice, then both calls resolve', async () => {
    const runner = heldRunner();
    const batcher = new MicroBatcher({ maxSize: 2, maxWaitMs: longWait, concurrency: 1, run: runner.run });
    await Promise.all([batcher.drain(), batcher.drain()]);
    expect(runner.batches).toEqual([]);
  });
});
