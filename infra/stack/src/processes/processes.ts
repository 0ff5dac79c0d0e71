import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { StackError } from '../context';
import { fileSize, readFrom } from '../files';
import { LogTail, parseLogLine, readableLine } from './logTail';
import { poll } from './wait';

/** Beyond this a log is set aside when its process starts again. */
const maxLogBytes = 20 * 1024 * 1024;
/** What a process gets on top of its own shutdown timeout before it is killed. */
const killGraceMs = 2_000;

export interface ProcessOptions {
  /** For messages. */
  name: string;
  /** The program's compiled file. */
  program: string;
  environment: Record<string, string | undefined>;
  cwd: string;
  log: string;
  /** How long it may take until /readyz answers 200. */
  readyTimeoutMs: number;
  /** How long it takes at most to stop by itself. */
  shutdownTimeoutMs: number;
}

/** How a process ended; `expected` when we had asked it to. */
export interface Ending {
  readonly how: string;
  readonly expected: boolean;
}

/** A service process that ends when we do. */
export interface SupervisedProcess {
  readonly name: string;
  readonly pid: number;
  /** Its own address: the API's, or a worker's health server. */
  readonly url: string;
  readonly log: string;
  /** Settles when it has ended, in whatever way. */
  readonly ended: Promise<Ending>;
  /** Sends a signal, for tests that crash a service; the process counts as not expected to end. */
  readonly kill: (signal: NodeJS.Signals) => void;
  /** SIGTERM, and SIGKILL when it does not end in time. Safe to call twice and after its end. */
  readonly stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();

/** Kills every supervised process at once: the answer to a second Ctrl-C. */
export function killAllProcesses(): void {
  for (const child of running) {
    signalGroup(child, 'SIGKILL');
  }
}

/** Signals the process and the children it has, which share its group. */
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
 * Spawns a service in a group of its own, so that a terminal's Ctrl-C reaches only us and it is told to stop
 * once. Its output goes straight to the log file: a pipe would break when we are killed, just when it needs to
 * log. The IPC channel stays open as long as we live; its end tells the service to stop.
 */
function launch(options: ProcessOptions): ChildProcess {
  mkdirSync(dirname(options.log), { recursive: true });
  if (fileSize(options.log) > maxLogBytes) {
    renameSync(options.log, `${options.log}.1`);
  }
  const handle = openSync(options.log, 'a');
  const child = spawn(process.execPath, ['--enable-source-maps', options.program], {
    cwd: options.cwd,
    detached: true,
    stdio: ['ignore', handle, handle, 'ipc'],
    env: { ...options.environment },
  });
  closeSync(handle);
  running.add(child);
  return child;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** The address in a log line or a message: a worker says healthUrl, the API says apiUrl. */
function findUrl(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null) {
    return undefined;
  }
  const { apiUrl, healthUrl } = entry as Record<string, unknown>;
  return [apiUrl, healthUrl].find(isText);
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    // Not listening yet; the time limit of the start covers a service that never does.
    return false;
  }
}

function logExcerpt(log: string, offset: number): string {
  const lines = readFrom(log, offset).trimEnd().split('\n').slice(-15);
  return `${lines.map((line) => `  | ${readableLine(line)}`).join('\n')}\nIts log is ${log}`;
}

/**
 * Starts a service and waits until it is ready.
 * @throws StackError with its last log lines when it ends early or is not ready in time
 */
export async function startProcess(options: ProcessOptions): Promise<SupervisedProcess> {
  const offset = fileSize(options.log) > maxLogBytes ? 0 : fileSize(options.log);
  const child = launch(options);
  let stopping = false;
  let hasEnded = false;
  const ended = new Promise<Ending>((resolve) => {
    const settle = (how: string) => {
      hasEnded = true;
      running.delete(child);
      resolve({ how, expected: stopping });
    };
    child.once('error', (error) => settle(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => settle(`ended with ${signal ?? `code ${code}`}`));
  });

  const stop = async () => {
    stopping = true;
    if (hasEnded) {
      return;
    }
    child.kill('SIGTERM');
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), options.shutdownTimeoutMs + killGraceMs);
    await ended;
    clearTimeout(timer);
  };

  let url: string | undefined;
  child.on('message', (message) => {
    url ??= findUrl(message);
  });
  const tail = new LogTail(options.log, offset);
  const outcome = await poll(
    async () => {
      if (hasEnded) {
        return 'ended' as const;
      }
      for (const line of tail.read()) {
        url ??= findUrl(parseLogLine(line));
      }
      return url !== undefined && (await isReady(url)) ? ('ready' as const) : undefined;
    },
    { timeoutMs: options.readyTimeoutMs, everyMs: 50 },
  );
  if (outcome === 'ready' && url !== undefined && child.pid !== undefined) {
    return {
      name: options.name,
      pid: child.pid,
      url,
      log: options.log,
      ended,
      kill: (signal) => child.kill(signal),
      stop,
    };
  }
  if (outcome === 'ended') {
    const { how } = await ended;
    throw new StackError(`The ${options.name} ${how} before it was ready:\n${logExcerpt(options.log, offset)}`);
  }
  await stop();
  const waited = Math.round(options.readyTimeoutMs / 1000);
  throw new StackError(
    `The ${options.name} was not ready within ${waited} seconds:\n${logExcerpt(options.log, offset)}`,
  );
}
