import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { StackError } from '../system/context';
import { fileSize, lastLines } from '../system/files';
import { onForcedExit } from '../system/interrupt';
import { poll } from '../system/poll';
import { describeEnd } from '../system/run';

/** A log larger than this is renamed when its process starts again. */
const maxLogBytes = 20 * 1024 * 1024;
/** How much longer than its own shutdown timeout a process may take before it is killed. */
const killGraceMs = 2_000;

export interface ProcessOptions {
  /** For messages. */
  name: string;
  /** The compiled file of the program. */
  program: string;
  environment: Record<string, string | undefined>;
  cwd: string;
  log: string;
  /** How long it may take until /readyz answers 200. */
  readyTimeoutMs: number;
  /** How long the process itself takes at most to stop. */
  shutdownTimeoutMs: number;
}

/** How a process ended, and whether we had asked it to. */
export interface Ending {
  readonly how: string;
  readonly expected: boolean;
}

/** A service process that ends when we do. */
export interface SupervisedProcess {
  readonly name: string;
  readonly pid: number;
  /** The address of the API, or of a worker's health server. */
  readonly url: string;
  readonly log: string;
  /** Resolves when the process has ended. Never rejects. */
  readonly ended: Promise<Ending>;
  /** Sends a signal, for tests that crash a service. The end then counts as not expected. */
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Sends SIGTERM, and SIGKILL when the process does not end in time. Can be called again, and after the end. */
  readonly stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();

// A stop in order takes too long then.
onForcedExit(() => {
  for (const child of running) {
    signalGroup(child, 'SIGKILL');
  }
});

/** Signals the process and its children, which share its group. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) {
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

/**
 * Spawns a service in a new process group, so that a terminal's Ctrl-C reaches only us and we tell the service to stop
 * once. Its output goes straight to the log file: a pipe would break when we are killed, just when the service needs to
 * log. The IPC channel stays open while we live. Its end tells the service to stop.
 */
function launch(options: ProcessOptions): ChildProcess {
  const handle = openSync(options.log, 'a');
  const child = spawn(process.execPath, ['--enable-source-maps', options.program], {
    cwd: options.cwd,
    detached: true,
    stdio: ['ignore', handle, handle, 'ipc'],
    env: options.environment,
  });
  closeSync(handle);
  running.add(child);
  return child;
}

/** Finds the address in a message: a worker sends healthUrl, the API sends apiUrl. */
function findUrl(message: unknown): string | undefined {
  const { apiUrl, healthUrl } = message as { apiUrl?: string; healthUrl?: string };
  return apiUrl ?? healthUrl;
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    // Not listening yet. The time limit of the start covers a service that never listens.
    return false;
  }
}

/**
 * Starts a service and waits until it is ready.
 * @throws StackError with its last log lines when it ends early or is not ready in time
 */
export async function startProcess(options: ProcessOptions): Promise<SupervisedProcess> {
  const { name, log, readyTimeoutMs, shutdownTimeoutMs } = options;
  mkdirSync(dirname(log), { recursive: true });
  if (fileSize(log) > maxLogBytes) {
    renameSync(log, `${log}.1`);
  }
  const offset = fileSize(log);
  const child = launch(options);
  let stopping = false;
  let ending: Ending | undefined;
  const ended = new Promise<Ending>((resolve) => {
    const settle = (how: string) => {
      running.delete(child);
      ending = { how, expected: stopping };
      resolve(ending);
    };
    child.once('error', (error) => settle(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => settle(describeEnd(code, signal)));
  });
  const stop = async () => {
    stopping = true;
    if (ending) {
      return;
    }
    child.kill('SIGTERM');
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), shutdownTimeoutMs + killGraceMs);
    await ended;
    clearTimeout(timer);
  };

  let url: string | undefined;
  child.on('message', (message) => {
    url ??= findUrl(message);
  });
  const outcome = await poll(async () => ending ?? (url !== undefined && (await isReady(url)) ? url : undefined), {
    timeoutMs: readyTimeoutMs,
    everyMs: 50,
  });
  if (typeof outcome !== 'string' || child.pid === undefined) {
    await stop();
    const fault = outcome
      ? `${(await ended).how} before it was ready`
      : `was not ready within ${Math.round(readyTimeoutMs / 1000)} seconds`;
    throw new StackError(`The ${name} ${fault}:\n${lastLines(log, 15, offset)}\nIts log is ${log}.`);
  }
  return { name, pid: child.pid, url: outcome, log, ended, kill: (signal) => child.kill(signal), stop };
}
