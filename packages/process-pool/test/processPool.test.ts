import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { waitFor } from '@millrace/test-support';
import { ProcessPool, type ProcessPoolOptions, TaskEndedError, type TaskLimits } from '../src';
import type { TestProtocol } from './fixtures/testProtocol';

jest.setTimeout(300_000);

const execArgv = ['-r', join(__dirname, '../../../tests/support/register.cjs')];
const entry = join(__dirname, 'fixtures/child.ts');
/** More than any task here takes on a busy machine. */
const patient: TaskLimits = { timeoutMs: 600_000, startMs: 600_000 };

let pool: ProcessPool<TestProtocol>;
function makePool({ limits, ...options }: Partial<ProcessPoolOptions> = {}): void {
  pool = new ProcessPool({ entry, processes: 1, execArgv, limits: { ...patient, ...limits }, ...options });
}
afterEach(() => pool.close());

const echo = (value: unknown = 1) => pool.run({ action: 'echo', value });

/** How the pool ended a task. */
async function endOf(task: Promise<unknown>): Promise<unknown> {
  const error = await task.then(
    () => 'a result',
    (thrown: unknown) => thrown,
  );
  return error instanceof TaskEndedError ? error.end : error;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') {
      return false;
    }
    throw error;
  }
}

function untilGone(pid: number): Promise<unknown> {
  return waitFor(`process ${pid} to be gone`, async () => !isRunning(pid), 120_000);
}

/** Runs a task that never ends, until it has sent its process id. */
async function hang(signal?: AbortSignal): Promise<{ pid: number; task: Promise<unknown> }> {
  return new Promise((resolve) => {
    const task = pool.run({ action: 'hang' }, { signal, onMessage: (pid) => resolve({ pid, task }) });
    task.catch(() => undefined);
  });
}

describe('When a pool runs tasks', () => {
  test('then no process is started before the first, and the process is kept for the next', async () => {
    makePool();
    expect(pool.pids).toEqual([]);
    const [first, second] = [await echo(1), await echo(2)];
    expect([first, second]).toEqual([
      { value: 1, pid: pool.pids[0] },
      { value: 2, pid: pool.pids[0] },
    ]);
  });

  test('then messages come in order, and before the result', async () => {
    makePool();
    const messages: number[] = [];
    const task = pool.run({ action: 'send', count: 500 }, { onMessage: (message) => messages.push(message) });
    await expect(task).resolves.toMatchObject({ value: 'sent' });
    expect(messages).toEqual(Array.from({ length: 500 }, (_, index) => index));
  });

  test('and there are more tasks than processes, then they wait for a free one', async () => {
    makePool({ processes: 2 });
    const values = await Promise.all([1, 2, 3, 4, 5].map(echo));
    expect(values).toMatchObject([1, 2, 3, 4, 5].map((value) => ({ value })));
    expect(pool.pids.length).toBeLessThanOrEqual(2);
  });

  test('and the task throws, then the caller gets its code and message', async () => {
    makePool();
    await expect(pool.run({ action: 'fail' })).rejects.toMatchObject({ code: 'PDF_ENCRYPTED', message: 'locked' });
    await expect(echo()).resolves.toMatchObject({ value: 1 });
  });

  test('and the caller cannot take a message, then its task ends with that error', async () => {
    makePool();
    const onMessage = () => {
      throw new Error('no room');
    };
    await expect(pool.run({ action: 'hang' }, { onMessage })).rejects.toThrow('no room');
  });

  test('and a process holds more memory than the limit after a task, then another one takes the next task', async () => {
    makePool({ recycleRssBytes: 1024 });
    const [first, second] = [await echo(), await echo()];
    expect(second.pid).not.toBe(first.pid);
    await untilGone(first.pid);
  });
});

describe('When a task exceeds', () => {
  test('its memory, then it ends with that', async () => {
    makePool({ limits: { ...patient, maxRssBytes: 1024 } });
    expect(await endOf(pool.run({ action: 'hang' }))).toEqual({ reason: 'outOfMemory', bytes: expect.any(Number) });
  });

  test('what a used process may hold, then it ends with that, and a new process may do it', async () => {
    makePool({ usedMaxRssBytes: 1024 });
    const used = await echo();
    expect(await endOf(pool.run({ action: 'hang' }))).toEqual({ reason: 'outgrown', bytes: expect.any(Number) });
    expect((await echo()).pid).not.toBe(used.pid);
  });

  test('its time, then its process is killed and the next task has a new one', async () => {
    makePool();
    const task = pool.run({ action: 'hang' }, { limits: { timeoutMs: 300 } });
    const [pid = 0] = pool.pids;
    expect(await endOf(task)).toEqual({ reason: 'taskTimedOut', limitMs: 300 });
    expect((await echo()).pid).not.toBe(pid);
    await untilGone(pid);
  });

  test('the time for its first step, then it ends with that', async () => {
    makePool({ limits: { ...patient, firstStepMs: 300 } });
    expect(await endOf(pool.run({ action: 'hang' }))).toEqual({ reason: 'firstStepTimedOut', limitMs: 300 });
  });

  test.each([
    ["the pool's time for a step", undefined, 500],
    ['the time that it named for a step', 300, 300],
  ])('%s, then it ends with that, after the steps that it began', async (_limit, limitMs, expected) => {
    makePool({ limits: { ...patient, stepMs: 500 } });
    const steps: string[] = [];
    const request = {
      action: 'hang' as const,
      steps: [
        { name: 'first', limitMs: 600_000 },
        { name: 'second', ...(limitMs && { limitMs }) },
      ],
    };
    const task = pool.run(request, { onStep: (step) => steps.push(step) });
    expect(await endOf(task)).toEqual({ reason: 'stepTimedOut', limitMs: expected });
    expect(steps).toEqual(['first', 'second']);
  });

  test('the time for the start of its process, then it ends with that', async () => {
    makePool({ entry: join(__dirname, 'fixtures/stuckAtStart.ts'), limits: { ...patient, startMs: 300 } });
    expect(await endOf(echo())).toEqual({ reason: 'startTimedOut', limitMs: 300 });
  });
});

describe('When a process', () => {
  test.each([
    ['crash', 'by SIGSEGV'],
    ['exit', 'with exit code 3'],
  ] as const)('ends with a %s, then its task alone is lost and the next one has a new process', async (action, how) => {
    makePool({ processes: 2 });
    const sibling = pool.run({ action: 'sleep', ms: 300 });
    const lost = endOf(pool.run({ action }));
    const waiting = echo('next');
    expect(await lost).toEqual({ reason: 'crashed', how });
    await expect(waiting).resolves.toMatchObject({ value: 'next' });
    await expect(sibling).resolves.toMatchObject({ value: 'awake' });
  });

  test('is killed from outside, then its task is lost as killed, and the next one has a new process', async () => {
    makePool({ processes: 2 });
    const sibling = pool.run({ action: 'sleep', ms: 300 });
    const { pid, task } = await hang();
    process.kill(pid, 'SIGKILL');
    expect(await endOf(task)).toEqual({ reason: 'killed', signal: 'SIGKILL' });
    await expect(echo('next')).resolves.toMatchObject({ value: 'next' });
    await expect(sibling).resolves.toMatchObject({ value: 'awake' });
    await waitFor('the pool to forget the process', async () => !pool.pids.includes(pid));
  });

  test('is killed from outside while it starts, then its task is lost in the same way', async () => {
    makePool();
    const lost = echo();
    for (const pid of pool.pids) {
      process.kill(pid, 'SIGTERM');
    }
    expect(await endOf(lost)).toEqual({ reason: 'killed', signal: 'SIGTERM' });
    await expect(echo()).resolves.toMatchObject({ value: 1 });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'gets %s, as when its whole group is stopped, then it finishes its task',
    async (signal) => {
      makePool();
      const onMessage = (pid: number) => void process.kill(pid, signal);
      const { value, pid } = await pool.run({ action: 'sleep', ms: 300 }, { onMessage });
      expect(value).toBe('awake');
      expect(await echo()).toEqual({ value: 1, pid });
    },
  );

  test('cannot be started, then its task ends with that', async () => {
    makePool({ entry: join(__dirname, 'fixtures/missing.ts'), silent: true });
    expect(await endOf(echo())).toEqual({
      reason: 'unavailable',
      detail: 'it ended with exit code 1 while it was starting',
    });
  });
});

describe('When a task is aborted', () => {
  const reason = new Error('changed my mind');

  test('while it runs, then its process is killed and the next task has a new one', async () => {
    makePool();
    const stop = new AbortController();
    const { pid, task } = await hang(stop.signal);
    stop.abort(reason);
    await expect(task).rejects.toBe(reason);
    await expect(echo()).resolves.toMatchObject({ value: 1 });
    await untilGone(pid);
  });

  test('while it waits, then it never runs and the others do', async () => {
    makePool();
    const stop = new AbortController();
    const running = pool.run({ action: 'sleep', ms: 200 });
    const aborted = pool.run({ action: 'crash' }, { signal: stop.signal });
    const last = echo('last');
    stop.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(running).resolves.toMatchObject({ value: 'awake' });
    await expect(last).resolves.toMatchObject({ value: 'last' });
  });

  test('before it was given, then it is refused and no process is started', async () => {
    makePool();
    const aborted = pool.run({ action: 'echo', value: 1 }, { signal: AbortSignal.abort('no') });
    await expect(aborted).rejects.toBe('no');
    expect(pool.pids).toEqual([]);
  });
});

test('When a pool is closed, then no process is left, and unfinished, waiting and new tasks are refused', async () => {
  makePool();
  const { pid, task } = await hang();
  const outcomes = Promise.all([endOf(task), endOf(echo())]);
  await Promise.all([pool.close(), pool.close()]);
  expect(isRunning(pid)).toBe(false);
  expect(await outcomes).toEqual([{ reason: 'poolClosed' }, { reason: 'poolClosed' }]);
  expect(await endOf(echo())).toEqual({ reason: 'poolClosed' });
});

test('When the process that owns a pool dies, then the processes of the pool end, idle or stuck', async () => {
  makePool();
  const parent = spawn(process.execPath, [...execArgv, join(__dirname, 'fixtures/parent.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pids = JSON.parse(line.toString()) as number[];
  // A service manager asks all processes to stop, and then gives the parent no time to wait for the others.
  for (const pid of pids) {
    process.kill(pid, 'SIGTERM');
  }
  expect(pids.map(isRunning)).toEqual([true, true]);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await Promise.all(pids.map(untilGone));
});
