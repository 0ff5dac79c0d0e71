import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StackContext, StackError } from '../context';
import { acquireLock } from '../lock';
import { isRoot } from '../processes/account';
import { capture, run } from '../processes/run';
import { messageOf } from '../processes/wait';
import { type AptSource, parseListFile, parseSourcesFile } from './aptSources';

/** How long to wait for another program that is installing packages. */
const lockTimeoutSeconds = 600;
/** Lists this fresh are not fetched again for the next package. */
const freshMs = 600_000;
const marker = '# Written by millrace while it installs packages; safe to delete.';
const policyFile = '/usr/sbin/policy-rc.d';
const clusterFile = '/etc/postgresql-common/createcluster.d/millrace.conf';

/** The fields of /etc/os-release, and whether apt is there. */
export interface System {
  /** `debian`, `ubuntu` or something else. */
  readonly distribution: string;
  readonly codename: string;
  readonly hasApt: boolean;
}

/** Finds out what system this is. */
export function inspectSystem(): System {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return {
    distribution: field('ID'),
    codename: field('VERSION_CODENAME'),
    hasApt: existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg'),
  };
}

/** True when missing packages can be installed here and now. */
export function canInstall(system: System): boolean {
  return isRoot() && system.hasApt && ['debian', 'ubuntu'].includes(system.distribution);
}

/** Every source in the machine's apt configuration. */
export function readAptSources(directory = '/etc/apt'): AptSource[] {
  const parts = join(directory, 'sources.list.d');
  const files = [
    join(directory, 'sources.list'),
    ...(existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : []),
  ].filter((file) => existsSync(file));
  return files.flatMap((file) => {
    if (file.endsWith('.list')) {
      return parseListFile(readFileSync(file, 'utf8'));
    }
    return file.endsWith('.sources') ? parseSourcesFile(readFileSync(file, 'utf8')) : [];
  });
}

function aptEnvironment(context: StackContext): Record<string, string | undefined> {
  return { ...context.environment, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
}

/** Runs apt-get with its output in the log. */
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

function aptLog(context: StackContext): string {
  return join(context.logDir, 'apt.log');
}

let listsReadAt = 0;

/**
 * Brings the package lists up to date. A failure does not end it: one broken foreign source makes apt-get
 * fail though all others were read, and the installation that follows tells what is really missing.
 */
async function updateLists(context: StackContext): Promise<void> {
  if (Date.now() - listsReadAt < freshMs) {
    return;
  }
  context.say(`Bringing the package lists up to date (log: ${aptLog(context)}) ...`);
  listsReadAt = Date.now();
  const giveUpAt = Date.now() + lockTimeoutSeconds * 1000;
  for (;;) {
    try {
      await aptGet(context, ['update'], { failure: 'The package lists could not be brought up to date.' });
      return;
    } catch (error) {
      // apt-get waits for the lock of dpkg, but not for the one of the lists.
      if (!/Could not get lock/.test(messageOf(error)) || Date.now() > giveUpAt) {
        context.say(`${messageOf(error)}\nGoing on with the package lists that are there.`);
        return;
      }
      await sleep(2_000);
    }
  }
}

/** The version of a package that apt could install; null when it knows none of this name. */
export async function candidateVersion(context: StackContext, name: string): Promise<string | null> {
  const { stdout } = await capture('apt-cache', ['policy', name], { env: aptEnvironment(context) });
  return /^\s+Candidate: (?!\(none\))(\S+)/m.exec(stdout)?.[1] ?? null;
}

/** Puts a file in place while `work` runs, unless somebody else's file is there. */
async function withFile(file: string, text: string, mode: number, work: () => Promise<void>): Promise<void> {
  const foreign = existsSync(file) && !readFileSync(file, 'utf8').includes(marker);
  if (foreign) {
    await work();
    return;
  }
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text, { mode });
  try {
    await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * Installs packages, without the daemons and database clusters that they start otherwise: they would take
 * ports and memory that nobody asked for. The two files that prevent it are there only meanwhile.
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

/** Brings the lists up to date and runs `work`, as the only Millrace on this machine that installs. */
export async function whileInstalling(context: StackContext, work: () => Promise<void>): Promise<void> {
  const release = await acquireLock('/var/lib/millrace', 'install', {
    timeoutMs: 1_800_000,
    onWait: (pid) => context.say(`Waiting for process ${pid}, which is installing packages ...`),
  });
  try {
    await updateLists(context);
    await work();
  } catch (error) {
    if (error instanceof StackError) {
      throw error;
    }
    throw new StackError(`Installing failed: ${messageOf(error)}`, { cause: error });
  } finally {
    release();
  }
}
