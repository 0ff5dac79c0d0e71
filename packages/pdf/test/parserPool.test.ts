import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ParserPool, type ParserPoolOptions } from '../src';

const execArgv = ['-r', join(__dirname, '../../../tests/support/register.cjs')];
const entry = join(__dirname, 'fixtures/child.ts');

let pool: ParserPool;
function makePool(options: Partial<ParserPoolOptions> = {}): ParserPool {
  pool = new ParserPool({ entry, processes: 1, timeoutMs: 30_000, execArgv, ...options });
  return pool;
}
afterEach(() => pool.close());

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

/** Waits until the process is gone. */
async function untilGone(pid: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (isRunning(pid)) {
    if (Date.now() > deadline) {
      process.kill(pid, 'SIGKILL');
      throw new Error(`Process ${pid} is still running.`);
    }
    await setTimeout(20);
  }
}

describe('When a pool runs tasks', () => {
  test('then no child is started before the first, and the child is kept for the next', async () => {
    makePool();
    expect(pool.pids).toEqual([]);
    const first = await pool.run({ action: 'echo', value: 1 });
    const second = await pool.run({ action: 'echo', value: 2 });
    expect([first, second]).toEqual([
      { value: 1, pid: pool.pids[0] },
      { value: 2, pid: pool.pids[0] },
    ]);
  });

  test('then messages come in order, and before the result', async () => {
    makePool();
    const messages: unknown[] = [];
    await expect(
      pool.run({ action: 'send', value: 500 }, { onMessage: (message) => messages.push(message) }),
    ).resolves.toBe('sent');
    expect(messages).toEqual(Array.from({ length: 500 }, (_, index) => index));
  });

  test('and there are more tasks than processes, then they wait for a free one', async () => {
    makePool({ processes: 2 });
    const values = await Promise.all([1, 2, 3, 4, 5].map((value) => pool.run({ action: 'echo', value })));
    expect(values).toMatchObject([1, 2, 3, 4, 5].map((value) => ({ value })));
    expect(pool.pids.length).toBeLessThanOrEqual(2);
  });

  test('and the task throws, then the caller gets its code and message', async () => {
    makePool();
    await expect(pool.run({ action: 'fail' })).rejects.toMatchObject({ code: 'PDF_ENCRYPTED', message: 'locked' });
    await expect(pool.run({ action: 'echo', value: 1 })).resolves.toMatchObject({ value: 1 });
  });

  test('and the caller cannot take a message, then its task ends with that error', async () => {
    makePool();
    const onMessage = () => {
      throw new Error('no room');
    };
    await expect(pool.run({ action: 'hang' }, { onMessage })).rejects.toThrow('no room');
  });

  test('and a child has grown beyond its limit, then another one takes the next task', async () => {
    makePool({ recycleRssBytes: 1024 });
    const first = (await pool.run({ action: 'echo' })) as { pid: number };
    const second = (await pool.run({ action: 'echo' })) as { pid: number };
    expect(second.pid).not.toBe(first.pid);
    await untilGone(first.pid);
  });

  test('and a child grows beyond its limit while it works, then its task ends as unreadable', async () => {
    makePool({ maxRssBytes: 1024 });
    await expect(pool.run({ action: 'hang' })).rejects.toMatchObject({ code: 'DOCUMENT_UNREADABLE' });
  });
});

describe('When a child', () => {
  test.each(['crash', 'exit'])(
    'ends with a %s, then its task alone is lost and the next one has a new child',
    async (action) => {
      makePool({ processes: 2 });
      const sibling = pool.run({ action: 'sleep', value: 300 });
      const lost = pool.run({ action });
      const waiting = pool.run({ action: 'echo', value: 'next' });
      await expect(lost).rejects.toMatchObject({ code: 'DOCUMENT_UNREADABLE' });
      await expect(waiting).resolves.toMatchObject({ value: 'next' });
      await expect(sibling).resolves.toBe('awake');
    },
  );

  test('is killed from outside, then its task is lost without blaming the PDF, and the next one has a new child', async () => {
    makePool({ processes: 2 });
    const sibling = pool.run({ action: 'sleep', value: 300 });
    let pid = 0;
    const onMessage = (message: unknown) => {
      pid = Number(message);
      process.kill(pid, 'SIGKILL');
    };
    const lost = pool.run({ action: 'hang' }, { onMessage });
    const waiting = pool.run({ action: 'echo', value: 'next' });
    await expect(lost).rejects.toMatchObject({ code: 'READER_LOST' });
    await expect(waiting).resolves.toMatchObject({ value: 'next' });
    await expect(sibling).resolves.toBe('awake');
    expect(pool.pids).not.toContain(pid);
  });

  test('is killed from outside while it starts, then its task is lost in the same way', async () => {
    makePool();
    const lost = pool.run({ action: 'echo' });
    for (const pid of pool.pids) {
      process.kill(pid, 'SIGTERM');
    }
    await expect(lost).rejects.toMatchObject({ code: 'READER_LOST' });
    await expect(pool.run({ action: 'echo', value: 1 })).resolves.toMatchObject({ value: 1 });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'gets %s, as when its whole group is stopped, then it finishes its task',
    async (signal) => {
      makePool();
      let pid = 0;
      const onMessage = (message: unknown) => {
        pid = Number(message);
        process.kill(pid, signal);
      };
      await expect(pool.run({ action: 'sleep', value: 300 }, { onMessage })).resolves.toBe('awake');
      await expect(pool.run({ action: 'echo', value: 1 })).resolves.toEqual({ value: 1, pid });
    },
  );

  test('hangs, then it is killed at the deadline and the next task runs', async () => {
    makePool({ timeoutMs: 4000 });
    let pid = 0;
    const onMessage = (message: unknown) => {
      pid = Number(message);
    };
    await expect(pool.run({ action: 'hang' }, { onMessage })).rejects.toMatchObject({ code: 'DOCUMENT_TIMEOUT' });
    await expect(pool.run({ action: 'echo', value: 1 })).resolves.toMatchObject({ value: 1 });
    expect(pid).toBeGreaterThan(0);
    await untilGone(pid);
  });

  test('does not come to its first page, then it is killed at the limit of opening and the next task runs', async () => {
    makePool({ openTimeoutMs: 4000 });
    await expect(pool.run({ action: 'hang' })).rejects.toMatchObject({
      code: 'DOCUMENT_OPEN_TIMEOUT',
      message: 'Opening took longer than 4000 ms.',
    });
    await expect(pool.run({ action: 'sleep at page', value: 4500 })).resolves.toBe('awake');
  });

  test('takes long to start, then that is not the opening of the PDF', async () => {
    makePool({ entry: join(__dirname, 'fixtures/slowChild.ts'), openTimeoutMs: 2000 });
    await expect(pool.run({ action: 'echo', value: 1 })).resolves.toMatchObject({ value: 1 });
  });

  test('is limited in opening while it starts, then the limit counts from when it has started', async () => {
    makePool({ entry: join(__dirname, 'fixtures/slowChild.ts'), openTimeoutMs: 2000 });
    await expect(pool.run({ action: 'hang' })).rejects.toMatchObject({ code: 'DOCUMENT_OPEN_TIMEOUT' });
  });

  test('has not started when the time for its task is over, then the installation is blamed and not the PDF', async () => {
    makePool({ entry: join(__dirname, 'fixtures/slowChild.ts'), timeoutMs: 1000 });
    await expect(pool.run({ action: 'echo' })).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'The parser process did not start within 1000 ms.',
    });
  });

  test('has not started anew when the time is over that a page took, then the PDF has taken too long', async () => {
    makePool({ entry: join(__dirname, 'fixtures/slowChild.ts'), timeoutMs: 9000, pageTimeoutMs: 7000 });
    await pool.run({ action: 'echo' });
    const outcome = pool.run({ action: 'sleep at page', value: 60_000 }, { withoutPage: () => ({ action: 'echo' }) });
    await expect(outcome).rejects.toMatchObject({ code: 'DOCUMENT_TIMEOUT' });
  });

  test('cannot be started, then the installation is blamed and not the PDF', async () => {
    makePool({ entry: join(__dirname, 'fixtures/missing.ts') });
    await expect(pool.run({ action: 'echo' })).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('When a task is aborted', () => {
  test('while it runs, then its child is killed and the next task has a new one', async () => {
    makePool();
    const stop = new AbortController();
    const reason = new Error('changed my mind');
    let pid = 0;
    const onMessage = (message: unknown) => {
      pid = Number(message);
      stop.abort(reason);
    };
    await expect(pool.run({ action: 'hang' }, { onMessage, signal: stop.signal })).rejects.toBe(reason);
    await expect(pool.run({ action: 'echo', value: 1 })).resolves.toMatchObject({ value: 1 });
    await untilGone(pid);
  });

  test('while it waits, then it never runs and the others do', async () => {
    makePool();
    const stop = new AbortController();
    const reason = new Error('changed my mind');
    const running = pool.run({ action: 'sleep', value: 200 });
    const aborted = pool.run({ action: 'crash' }, { signal: stop.signal });
    const last = pool.run({ action: 'echo', value: 'last' });
    stop.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(running).resolves.toBe('awake');
    await expect(last).resolves.toMatchObject({ value: 'last' });
  });

  test('before it was given, then it is refused and no child is started', async () => {
    makePool();
    await expect(pool.run({ action: 'echo' }, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(pool.pids).toEqual([]);
  });
});

describe('When a pool is closed', () => {
  test('then no process is left, and unfinished, waiting and new tasks are refused', async () => {
    makePool();
    let pid = 0;
    const onMessage = (message: unknown) => {
      pid = Number(message);
    };
    const running = pool.run({ action: 'hang' }, { onMessage });
    const waiting = pool.run({ action: 'echo' });
    const outcomes = Promise.allSettled([running, waiting]);
    while (pid === 0) {
      await setTimeout(20);
    }
    await Promise.all([pool.close(), pool.close()]);
    expect(isRunning(pid)).toBe(false);
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'INTERNAL' } },
      { status: 'rejected', reason: { code: 'INTERNAL' } },
    ]);
    await expect(pool.run({ action: 'echo' })).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('When the process that owns a pool dies', () => {
  test('then its children end by themselves, idle or stuck', async () => {
    makePool();
    const parent = spawn(process.execPath, [...execArgv, join(__dirname, 'fixtures/parent.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pids = JSON.parse(line.toString()) as number[];
    // What a service manager does: it asks all of them to stop, and the one that waits for the others gets no time.
    for (const pid of pids) {
      process.kill(pid, 'SIGTERM');
    }
    expect(pids.map(isRunning)).toEqual([true, true]);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await Promise.all(pids.map(untilGone));
  });
});
