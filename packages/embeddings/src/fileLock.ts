import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCodeOf } from './errorCode';

const pollMs = 100;
/** Longer than the guarded work takes anywhere. */
const patienceMs = 120_000;

/**
 * Runs `work` while no other process does so with the same lock file. The lock spares double work and nothing more:
 * the lock of an owner that has died is taken over, and after two minutes of waiting the work starts without it.
 */
export async function whileLocked<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  const giveUp = Date.now() + patienceMs;
  while (!(await tryLock(lockFile))) {
    if (Date.now() > giveUp) {
      return await work();
    }
    const owner = await ownerOf(lockFile);
    if (owner === undefined || isAlive(owner) || !(await removeLockOf(lockFile, owner))) {
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

/** The process id in the lock file; undefined when it is gone, or created and not yet written. */
async function ownerOf(lockFile: string): Promise<string | undefined> {
  try {
    return (await readFile(lockFile, 'utf8')) || undefined;
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function isAlive(owner: string): boolean {
  try {
    process.kill(Number(owner), 0);
    return true;
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}

/**
 * Removes the lock of a dead owner, and never that of the one who came after it: of all that saw the owner dead, one
 * at a time may look again and remove. False when another is about to.
 */
async function removeLockOf(lockFile: string, deadOwner: string): Promise<boolean> {
  const turn = `${lockFile}.${deadOwner}`;
  if (!(await tryLock(turn))) {
    return false;
  }
  try {
    if ((await ownerOf(lockFile)) === deadOwner) {
      await rm(lockFile, { force: true });
    }
    return true;
  } finally {
    await rm(turn, { force: true });
  }
}
