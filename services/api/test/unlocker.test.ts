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
/** A file that never begins: whoever opens it waits. */
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
  return unlocker.unlock(source, 'secret', join(folder, `copy${copies++}`), gone);
}

/** What `promise` comes to, taken care of at once. */
function outcome(promise: Promise<boolean>): Promise<unknown> {
  return promise.catch((error: { code: string }) => error.code);
}

test('When more than a few wait, then one more is sent away until one is done', async () => {
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

test('When the client of one that waits has gone, then it is given up and the others go on', async () => {
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

test('When one takes too long, then that is said, in words for uploads', async () => {
  start({ timeoutMs: 300 });
  expect(await outcome(unlock(endless))).toBe('UNLOCK_TIMEOUT');
});

test('When waiting takes too long, then it may come again', async () => {
  start({ overallMs: 1_000 });
  const outcomes = [outcome(unlock(endless)), outcome(unlock(locked))];
  expect(await Promise.all(outcomes)).toEqual(['UNLOCK_BUSY', 'UNLOCK_BUSY']);
});

test('When its process is killed, then it may come again', async () => {
  start();
  const lost = outcome(unlock(endless));
  const pid = await waitFor('the process', unlockProcess);
  process.kill(pid, 'SIGKILL');
  expect(await lost).toBe('UNLOCK_LOST');
});
