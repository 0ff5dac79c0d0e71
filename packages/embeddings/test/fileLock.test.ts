import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { whileLocked } from '../src/fileLock';

/** No process id is that high. */
const deadProcess = '2147483646';

describe('a lock file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('When several find the lock of a process that has died, then they take turns and nothing is left', async () => {
    let overlaps = 0;
    let turns = 0;
    const contest = async (lockFile: string) => {
      await writeFile(lockFile, deadProcess);
      let inside = 0;
      const work = async () => {
        inside += 1;
        turns += 1;
        overlaps += inside > 1 ? 1 : 0;
        await delay(10);
        inside -= 1;
      };
      await Promise.all([1, 2, 3].map(() => whileLocked(lockFile, work)));
    };
    // The moment in which one could remove the other's fresh lock is short: many rounds, out of step with each other.
    const lane = async (name: number) => {
      await delay(name * 7);
      for (let round = 0; round < 25; round += 1) {
        await contest(join(folder, `${name}-${round}.lock`));
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, name) => lane(name)));
    expect(turns).toBe(600);
    expect(overlaps).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  }, 60_000);

  test('When the work fails, then the lock is free again', async () => {
    const lockFile = join(folder, 'work.lock');
    await expect(
      whileLocked(lockFile, async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await whileLocked(lockFile, async () => 'free')).toBe('free');
  });
});
