import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptedPdf, waitFor } from '@millrace/test-support';
import { Unlocker, type UnlockerLimits } from '../src/uploads/unlocker';
import { unlockProcess } from './unlockProcess';

let folder: string;
let locked: string;
/** A pipe without a writer: the process that opens it waits. */
let endless: string;
let unlocker: Unlocker;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-unlocker-'));
  locked = join(folder, 'locked.pdf');
  await writeFile(locked, await encryptedPdf('secret'));
  endless = join(folder, 'endless.pdf');
  execFileSync('mkfifo', [endless]);
});
afterEach(() => unlocker.close());
afterAll(() => rm(folder, { recursive: true }));

function start(limits: Partial<UnlockerLimits> = {}): void {
  unlocker = new Unlocker(1024 ** 3, { waiting: 2, timeoutMs: 60_000, overallMs: 60_000, ...limits });
}

let copies = 0;
function unlock(source: string, gone?: AbortSignal): Promise<boolean> {
  return unlocker.unlock({ source, password: 'secret', target: join(folder, `copy${copies++}`) }, gone);
}

/** The result of `promise`, or its error code. The rejection is handled at once. */
function outcome(promise: Promise<boolean>): Promise<unknown> {
  return promise.catch((error: { code: string }) => error.code);
}

test('When as many files wait as may, then one more is refused with UNLOCK_BUSY until one is done', async () => {
  start();
  const client = new AbortController();
  const first = outcome(unlock(endless, client.signal));
  const waiting = [outcome(unlock(locked)), outcome(unlock(locked))];
  await expect(unlock(locked)).rejects.toMatchObject({
    code: 'UNLOCK_BUSY',
    retryable: true,
    retryAfterMs: expect.any(Number),
  });
  client.abort();
  expect(await first).toBe('UPLOAD_INTERRUPTED');
  expect(await Promise.all(waiting)).toEqual([true, true]);
  expect(await unlock(locked)).toBe(true);
});

test('When the client of a waiting file closes its connection, then that file is skipped and the others are not', async () => {
  start();
  const clients = [new AbortController(), new AbortController()];
  const outcomes = clients.map((client) => outcome(unlock(endless, client.signal)));
  clients[1]?.abort();
  expect(await outcomes[1]).toBe('UPLOAD_INTERRUPTED');
  clients[0]?.abort();
  expect(await outcomes[0]).toBe('UPLOAD_INTERRUPTED');
  const gone = AbortSignal.abort();
  expect(await outcome(unlock(locked, gone))).toBe('UPLOAD_INTERRUPTED');
  expect(existsSync(join(folder, `copy${copies - 1}`))).toBe(false);
});

test('When one file takes too long, then UNLOCK_TIMEOUT', async () => {
  start({ timeoutMs: 300 });
  expect(await outcome(unlock(endless))).toBe('UNLOCK_TIMEOUT');
});

test('When a file takes too long with its waiting, then UNLOCK_BUSY', async () => {
  start({ overallMs: 1_000 });
  const outcomes = [outcome(unlock(endless)), outcome(unlock(locked))];
  expect(await Promise.all(outcomes)).toEqual(['UNLOCK_BUSY', 'UNLOCK_BUSY']);
});

test('When the process is killed, then UNLOCK_LOST', async () => {
  start();
  const lost = outcome(unlock(endless));
  const pid = await waitFor('the process', unlockProcess);
  process.kill(pid, 'SIGKILL');
  expect(await lost).toBe('UNLOCK_LOST');
});
