import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRoot } from '../system/account';
import { messageOf, type StackContext, StackError } from '../system/context';
import { acquireLock } from '../system/lock';
import { capture, run } from '../system/run';

/** How long to wait for another program that is installing packages. */
const lockTimeoutSeconds = 600;
/** Package lists younger than this are not fetched again. */
const freshMs = 600_000;
const marker = '# Written by millrace while it installs packages; safe to delete.';
const policyFile = '/usr/sbin/policy-rc.d';
const clusterFile = '/etc/postgresql-common/createcluster.d/millrace.conf';

/** The facts about this system that decide what can be installed. */
export interface System {
  /** `debian`, `ubuntu` or something else. */
  readonly distribution: string;
  readonly codename: string;
  readonly hasApt: boolean;
}

/** Reads /etc/os-release, and looks for apt. */
export function inspectSystem(): System {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return {
    distribution: field('ID'),
    codename: field('VERSION_CODENAME'),
    hasApt: existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg'),
  };
}

/** True when we can install packages: as root, on Debian or Ubuntu. */
export function canInstall(system: System): boolean {
  return isRoot() && system.hasApt && ['debian', 'ubuntu'].includes(system.distribution);
}

/** The environment of apt's programs: nothing may ask, and messages are in English. */
export function aptEnvironment(context: StackContext): Record<string, string | undefined> {
  return { ...context.environment, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
}

/** The file that gets the output of apt's programs. */
export function aptLog(context: StackContext): string {
  return join(context.logDir, 'apt.log');
}

/**
 * Runs apt-get with its output in the log.
 * @throws StackError with its last lines
 */
export async function aptGet(
  context: StackContext,
  args: readonly string[],
  options: { failure: string; cwd?: string },
): Promise<void> {
  await run('apt-get', ['-q', '-o', `DPkg::Lock::Timeout=${lockTimeoutSeconds}`, ...args], {
    log: aptLog(context),
    env: aptEnvironment(context),
    failure: options.failure,
    cwd: options.cwd ?? '/',
  });
}

let listsFetchedAt = 0;

/**
 * Fetches the package lists. A failure is told and does not end the installation: one broken source makes apt-get fail
 * although it has read all others, and the installation that follows tells what is really missing.
 */
async function fetchLists(context: StackContext): Promise<void> {
  if (Date.now() - listsFetchedAt < freshMs) {
    return;
  }
  context.print(`Fetching the package lists (log: ${aptLog(context)}) ...`);
  listsFetchedAt = Date.now();
  const deadline = Date.now() + lockTimeoutSeconds * 1000;
  for (;;) {
    try {
      await aptGet(context, ['update'], { failure: 'The package lists could not be fetched.' });
      return;
    } catch (error) {
      // apt-get waits for the lock of dpkg, but not for the lock of the lists.
      if (!/Could not get lock/.test(messageOf(error)) || Date.now() > deadline) {
        context.print(`${messageOf(error)}\nThe package lists stay as they are.`);
        return;
      }
      await sleep(2_000);
    }
  }
}

/** Returns the version of a package that apt would install, or null when it knows no package of this name. */
export async function candidateVersion(context: StackContext, name: string): Promise<string | null> {
  const { stdout } = await capture('apt-cache', ['policy', name], { env: aptEnvironment(context) });
  return /^\s+Candidate: (?!\(none\))(\S+)/m.exec(stdout)?.[1] ?? null;
}

/** Puts a file in place while `work` runs. A file of that name that another program made is kept. */
async function withFile(file: string, text: string, mode: number, work: () => Promise<void>): Promise<void> {
  if (existsSync(file) && !readFileSync(file, 'utf8').includes(marker)) {
    await work();
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
  try {
    await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * Installs packages without the daemons and database clusters that they usually start: these would take ports and
 * memory that the user did not ask for. Two files prevent it during the installation.
 * @throws StackError with the output of apt-get
 */
export async function installPackages(context: StackContext, names: readonly string[]): Promise<void> {
  const install = () =>
    aptGet(context, ['install', '--yes', '--no-install-recommends', ...names], {
      failure: `apt-get could not install ${names.join(', ')}.`,
    });
  await withFile(policyFile, `#!/bin/sh\n${marker}\nexit 101\n`, 0o755, () =>
    withFile(clusterFile, `${marker}\ncreate_main_cluster = false\n`, 0o644, install),
  );
}

/** Fetches the package lists and runs `work`. Only one Millrace on this machine installs at a time. */
export async function whileInstalling(context: StackContext, work: () => Promise<void>): Promise<void> {
  const release = await acquireLock('/var/lib/millrace', 'install', {
    timeoutMs: 1_800_000,
    onWait: (pid) => context.print(`Waiting for process ${pid}, which is installing packages ...`),
  });
  try {
    await fetchLists(context);
    await work();
  } catch (error) {
    throw error instanceof StackError
      ? error
      : new StackError(`Installing failed: ${messageOf(error)}`, { cause: error });
  } finally {
    release();
  }
}
