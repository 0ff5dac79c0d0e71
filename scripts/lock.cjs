'use strict';

/**
 * A lock between processes of one machine, kept in files, that outlives nobody: the lock of a process that
 * was killed is taken over. Plain CommonJS without dependencies, because scripts/millrace.mjs needs it before
 * anything is installed; infra/stack uses the same file.
 *
 * How it works: the lock NAME is the file NAME.lock.N with the highest N. Taking it means creating the next
 * number, which exactly one process can do. The highest file is never removed, only marked free, so a
 * process that decided long ago on an old number finds a higher one afterwards and steps back.
 */

const fs = require('node:fs');
const path = require('node:path');

/** A wait shorter than this needs no explanation. */
const noticeMs = 1500;

/** Returns the trimmed text of a file, or undefined when it cannot be read. */
function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Returns a text that tells one process from a later one with the same id (boot and start time, from /proc);
 * 'unknown' where the system has no /proc, undefined when no such process runs.
 */
function identifyProcess(pid) {
  if (!Number.isInteger(pid) || pid <= 0) {
    return undefined;
  }
  const boot = readText('/proc/sys/kernel/random/boot_id');
  if (boot === undefined) {
    try {
      process.kill(pid, 0);
      return 'unknown';
    } catch (error) {
      return error.code === 'EPERM' ? 'unknown' : undefined;
    }
  }
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) {
    return undefined;
  }
  // The second field is the program's name in brackets and may hold anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? undefined : `${boot}:${fields[19]}`;
}

/** True when the process that was identified as `identity` is still running. */
function isSameProcess(pid, identity) {
  return identifyProcess(pid) === identity;
}

/** Returns the lock's numbers that exist, ascending. */
function listGenerations(directory, name) {
  const prefix = `${name}.lock.`;
  return fs
    .readdirSync(directory)
    .filter((file) => file.startsWith(prefix))
    .map((file) => Number(file.slice(prefix.length)))
    .filter(Number.isInteger)
    .sort((a, b) => a - b);
}

/** Returns the process that holds a lock file, or undefined when it is free or its holder is gone. */
function findHolder(file) {
  const text = readText(file);
  if (text === undefined || text === 'free') {
    return undefined;
  }
  const [pid, identity] = text.split(' ');
  if (identity === undefined) {
    // Created but not yet written: give its maker a moment, then treat it as abandoned.
    const made = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return Date.now() - made < 2000 ? { pid: 0 } : undefined;
  }
  return isSameProcess(Number(pid), identity) ? { pid: Number(pid) } : undefined;
}

/** Tries once; returns a release function, or the holder's pid. */
function tryLock(directory, name) {
  const latest = listGenerations(directory, name).at(-1) ?? 0;
  const fileOf = (generation) => path.join(directory, `${name}.lock.${generation}`);
  const holder = latest === 0 ? undefined : findHolder(fileOf(latest));
  if (holder) {
    return { holder: holder.pid };
  }
  const mine = fileOf(latest + 1);
  try {
    fs.writeFileSync(mine, `${process.pid} ${identifyProcess(process.pid)}\n`, { flag: 'wx' });
  } catch (error) {
    if (error.code === 'EEXIST') {
      return { holder: 0 };
    }
    throw error;
  }
  const generations = listGenerations(directory, name);
  if (generations.at(-1) !== latest + 1) {
    fs.rmSync(mine, { force: true });
    return { holder: 0 };
  }
  for (const old of generations.slice(0, -1)) {
    fs.rmSync(fileOf(old), { force: true });
  }
  return { release: () => fs.writeFileSync(mine, 'free\n') };
}

/**
 * Takes the lock `name` in `directory` (made when missing), waiting while a running process holds it.
 * `onWait` is called once, with the holder's pid, when the wait is long enough to be noticed.
 * @returns a function that releases the lock
 */
async function acquireLock(directory, name, { timeoutMs = 900_000, onWait } = {}) {
  fs.mkdirSync(directory, { recursive: true });
  const startedAt = Date.now();
  let told = false;
  for (;;) {
    const { release, holder } = tryLock(directory, name);
    if (release) {
      return release;
    }
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > timeoutMs) {
      throw new Error(`Gave up waiting for the lock ${path.join(directory, name)}, held by process ${holder}.`);
    }
    if (!told && holder && waitedMs > noticeMs) {
      told = true;
      onWait?.(holder);
    }
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100));
  }
}

module.exports = { acquireLock, identifyProcess, isSameProcess };
