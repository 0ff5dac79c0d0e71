import { LimitWatch, type TaskLimits } from '../src/limitWatch';
import type { TaskEnd } from '../src/taskEnd';

/** Timers are moved by the tests. What waits for the next turn of the event loop stays real. */
beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
afterEach(() => jest.useRealTimers());

let watch: LimitWatch;
let ends: TaskEnd[];
function start(limits: TaskLimits): LimitWatch {
  ends = [];
  watch = new LimitWatch(limits, undefined, null, (end) => {
    ends.push(end);
    watch.stop();
  });
  return watch;
}

/** Lets time pass, and everything that waits for the next turn of the event loop happen. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await new Promise(setImmediate);
}

test('When a process takes long to start, then that counts neither for the task nor for its first step', async () => {
  start({ timeoutMs: 1_000, firstStepMs: 500 });
  await pass(100_000);
  watch.processStarted();
  await pass(499);
  expect(ends).toEqual([]);
  await pass(1);
  expect(ends).toEqual([{ reason: 'firstStepTimedOut', limitMs: 500 }]);
});

test('When a process does not start, then the task ends at the limit of starting', async () => {
  start({ timeoutMs: 1_000, startMs: 2_000 });
  await pass(1_999);
  expect(ends).toEqual([]);
  await pass(1);
  expect(ends).toEqual([{ reason: 'startTimedOut', limitMs: 2_000 }]);
});

test('When a task begins one step after the other, then each has a limit, and the task has one over all', async () => {
  start({ timeoutMs: 3_000, firstStepMs: 500, stepMs: 1_000 }).processStarted();
  for (let step = 1; step <= 3; step++) {
    watch.beginStep();
    await pass(900);
  }
  expect(ends).toEqual([]);
  watch.beginStep();
  await pass(300);
  expect(ends).toEqual([{ reason: 'taskTimedOut', limitMs: 3_000 }]);
});

test('When a step takes too long, then the task ends, at the limit of the step where it has one', async () => {
  start({ timeoutMs: 60_000, stepMs: 1_000 }).processStarted();
  watch.beginStep(5_000);
  await pass(4_999);
  expect(ends).toEqual([]);
  await pass(1);
  expect(ends).toEqual([{ reason: 'stepTimedOut', limitMs: 5_000 }]);
  start({ timeoutMs: 60_000, stepMs: 1_000 }).processStarted();
  watch.beginStep();
  await pass(1_000);
  expect(ends).toEqual([{ reason: 'stepTimedOut', limitMs: 1_000 }]);
});

test('When the next step was announced while this process was busy, then the step before has not taken too long', async () => {
  start({ timeoutMs: 60_000, stepMs: 1_000 }).processStarted();
  watch.beginStep();
  jest.advanceTimersByTime(1_000);
  watch.beginStep();
  await pass(0);
  expect(ends).toEqual([]);
});

test('When a task has ended, then no limit of it counts any more, even if its process starts only then', async () => {
  start({ timeoutMs: 1_000, firstStepMs: 500, startMs: 2_000 }).stop();
  watch.processStarted();
  await pass(10_000);
  expect(ends).toEqual([]);
});
