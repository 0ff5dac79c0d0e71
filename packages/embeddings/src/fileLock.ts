import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCodeOf } from './errorCode';

const pollMs = 100;
/** Longer than the guarded work takes anywhere. */
const patienceMs = 120_000;

/**
 * Runs `work` while no other process does so with the same lock file. The lock spares double work and nothing more:
 * when its owner has died, or does not finish in two minutes, the work starts all the same.
 */
export async function whileLocked<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  const giveUp = Date.now() + patienceMs;
  while (!(await tryLock(lockFile))) {
    if (Date.now() > giveUp || !(await ownerLives(lockFile))) {
      await rm(lockFile, { force: true });
    } else {
      await delay(pollMs);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

async function tryLock(lockFile: string): Promise<boolean> {
  try {
    await writeFile(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

async function ownerLives(lockFile: string): Promise<boolean> {
  let owner: string;
  try {
    owner = await readFile(lockFile, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') {
      return true;
    }
    throw error;
  }
  if (owner === '') {
    // Between creating the file and writing into it.
    return true;
  }
  try {
    process.kill(Number(owner), 0);
    return true;
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}
