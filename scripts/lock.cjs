'use strict';

/**
 * A lock between the processes of one machine. The lock of a process that was killed is taken over. It is plain CommonJS
 * without dependencies, because scripts/millrace.mjs needs it before anything is installed. infra/stack uses it too.
 *
 * The lock NAME consists of files NAME.lock.1, NAME.lock.2, and so on. The file with the highest number is the current
 * one, and names its holder. To take the lock is to create the file with the next number, which only one process can do.
 * To release it is to write "free" into the file. The current file is never removed, so a process that saw an older
 * file and created a number meanwhile finds a higher one, removes its own and tries again.
 */

const fs = require('node:fs');
const path = require('node:path');

/** The caller is told about a wait that is longer than this. */
const noticeMs = 1500;
/** A file this young without content is being written. */
const writingMs = 2000;

/** Returns the trimmed text of a file, or undefined when it cannot be read. */
function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Identifies a running process by boot and start time, which tells it from a later process with the same id.
 * Returns 'unknown' on a system without /proc, and undefined when no such process runs.
 */
function identifyProcess(pid) {
  if (!Number.isInteger(pid) || pid <= 0) {
    return undefined;
  }
  const boot = readText('/proc/sys/kernel/random/boot_id');
  return boot === undefined ? identifyWithoutProc(pid) : identifyWithProc(pid, boot);
}

function identifyWithProc(pid, boot) {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) {
    return undefined;
  }
  // The second field is the name of the program in brackets. It may contain anything, so the fields are counted after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const hasEnded = ['Z', 'X'].includes(fields[0]);
  const startTime = fields[19];
  return hasEnded ? undefined : `${boot}:${startTime}`;
}

function identifyWithoutProc(pid) {
  try {
    process.kill(pid, 0);
    return 'unknown';
  } catch (error) {
    return error.code === 'EPERM' ? 'unknown' : undefined;
  }
}

/** True when the process with this identity is still running. */
function isSameProcess(pid, identity) {
  return identifyProcess(pid) === identity;
}

/** Returns the numbers of the lock's files, ascending. */
function listNumbers(directory, name) {
  const prefix = `${name}.lock.`;
  return fs
    .readdirSync(directory)
    .filter((file) => file.startsWith(prefix))
    .map((file) => Number(file.slice(prefix.length)))
    .filter(Number.isInteger)
    .sort((a, b) => a - b);
}

/** Returns the id of the process that holds a lock file: 0 when it is not known yet, undefined when the lock is free. */
function findHolder(file) {
  const text = readText(file);
  if (text === undefined || text === 'free') {
    return undefined;
  }
  const [pid, identity] = text.split(' ');
  if (identity === undefined) {
    const createdAt = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return Date.now() - createdAt < writingMs ? 0 : undefined;
  }
  return isSameProcess(Number(pid), identity) ? Number(pid) : undefined;
}

/** Tries once. Returns a function that releases the lock, or the id of the process that holds it, 0 when unknown. */
function tryLock(directory, name) {
  const fileOf = (number) => path.join(directory, `${name}.lock.${number}`);
  const current = listNumbers(directory, name).at(-1) ?? 0;
  const holder = current === 0 ? undefined : findHolder(fileOf(current));
  if (holder !== undefined) {
    return { holder };
  }
  const own = current + 1;
  try {
    fs.writeFileSync(fileOf(own), `${process.pid} ${identifyProcess(process.pid)}\n`, { flag: 'wx' });
  } catch (error) {
    if (error.code === 'EEXIST') {
      return { holder: 0 };
    }
    throw error;
  }
  const numbers = listNumbers(directory, name);
  if (numbers.at(-1) !== own) {
    fs.rmSync(fileOf(own), { force: true });
    return { holder: 0 };
  }
  for (const number of numbers.slice(0, -1)) {
    fs.rmSync(fileOf(number), { force: true });
  }
  return { release: () => fs.writeFileSync(fileOf(own), 'free\n') };
}

/**
 * Takes the lock `name` in `directory`, which is made when it is missing. Waits while a running process holds the lock.
 * `onWait` is called once, with the id of the holder, when the wait is long.
 * @returns a function that releases the lock
 */
async function acquireLock(directory, name, { timeoutMs = 900_000, onWait } = {}) {
  fs.mkdirSync(directory, { recursive: true });
  const startedAt = Date.now();
  let hasNoticed = false;
  for (;;) {
    const { release, holder } = tryLock(directory, name);
    if (release) {
      return release;
    }
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > timeoutMs) {
      throw new Error(`Waited too long for the lock ${path.join(directory, name)}, which process ${holder} holds.`);
    }
    if (!hasNoticed && holder && waitedMs > noticeMs) {
      hasNoticed = true;
      onWait?.(holder);
    }
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100));
  }
}

module.exports = { acquireLock, identifyProcess, isSameProcess };
