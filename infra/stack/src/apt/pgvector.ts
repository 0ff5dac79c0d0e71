import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isOlder, oldestVector, safeVector } from '@millrace/database';
import type { PostgresBinaries } from '../postgres/binaries';
import { messageOf, type StackContext, StackError } from '../system/context';
import { capture, run } from '../system/run';
import { candidateVersion, canInstall, inspectSystem, installPackages, whileInstalling } from './apt';
import { fetchPgvectorSource } from './pgvectorSource';
import { replaceFiles } from './replaceFiles';

/** Lies here after a renewal has failed, so that not every command tries again. */
const failureFile = '/var/lib/millrace/pgvector-not-renewed';
const retryMs = 86_400_000;

/**
 * Installs pgvector for a PostgreSQL server that has none, or one that is too old: the distribution's package if that is
 * safe, otherwise a build of the source, otherwise an older version, which is told.
 * @throws StackError when none is possible
 */
export async function installPgvector(context: StackContext, binaries: PostgresBinaries): Promise<void> {
  const packageName = packageOf(binaries);
  const version = await candidateVersion(context, packageName);
  const installPackage = async () => {
    context.print(`Installing ${packageName} ...`);
    await installPackages(context, [packageName]);
  };
  if (version !== null && !isOlder(version, safeVector)) {
    await installPackage();
    return;
  }
  const hasUsablePackage = version !== null && !isOlder(version, oldestVector);
  try {
    await buildPgvector(context, binaries, { older: !hasUsablePackage });
  } catch (error) {
    if (!hasUsablePackage) {
      throw error;
    }
    context.print(messageOf(error));
    await installPackage();
  }
}

/**
 * Replaces a pgvector that can be used and is not safe, where that is possible. Otherwise it says what to do. The server then
 * starts with the old one, so that work can go on.
 * @param options.retry tries again although it has failed lately
 */
export async function renewPgvector(
  context: StackContext,
  binaries: PostgresBinaries,
  { retry = false } = {},
): Promise<void> {
  const { vectorVersion } = binaries;
  if (vectorVersion === undefined || !binaries.hasVector || !isOlder(vectorVersion, safeVector)) {
    return;
  }
  if (canInstall(inspectSystem()) && (retry || !hasFailedLately())) {
    try {
      await whileInstalling(context, () => buildPgvector(context, binaries, { older: false }));
      rmSync(failureFile, { force: true });
      context.print(
        `Replaced pgvector ${vectorVersion}. Restart other PostgreSQL ${binaries.major} servers of this machine, and rebuild ` +
          'vector indexes that were made before: npm run millrace -- index rebuild',
      );
      return;
    } catch (error) {
      mkdirSync(dirname(failureFile), { recursive: true });
      writeFileSync(failureFile, messageOf(error));
      context.print(messageOf(error));
    }
  }
  warnOfUnsafeVector(context, binaries);
}

/** Tells of a pgvector that is used although it is not safe. */
export function warnOfUnsafeVector(context: StackContext, { major, vectorVersion }: PostgresBinaries): void {
  if (vectorVersion === undefined || !isOlder(vectorVersion, safeVector)) {
    return;
  }
  context.print(
    `WARNING: pgvector ${vectorVersion} of PostgreSQL ${major} is not safe; install ${safeVector} or newer ` +
      '(docs/database/vector-index.md, "Versions of pgvector").',
  );
}

function packageOf({ major }: PostgresBinaries): string {
  return `postgresql-${major}-pgvector`;
}

function hasFailedLately(): boolean {
  return existsSync(failureFile) && Date.now() - statSync(failureFile).mtimeMs < retryMs;
}

/** @throws StackError when the library belongs to a package: the next update of that would put the old one back */
async function refusePackaged(binaries: PostgresBinaries): Promise<void> {
  const { stdout } = await capture('dpkg-query', ['--status', packageOf(binaries)], { env: { LC_ALL: 'C' } });
  if (/^Status: .* installed$/m.test(stdout)) {
    throw new StackError(
      `The package ${packageOf(binaries)} is installed, and its version ${binaries.vectorVersion} is too old. To have a newer ` +
        `one built: apt-get remove ${packageOf(binaries)}, then run the command again.`,
    );
  }
}

/** Builds and installs pgvector. A server that runs meanwhile keeps the library that its sessions have loaded. */
async function buildPgvector(
  context: StackContext,
  binaries: PostgresBinaries,
  options: { older: boolean },
): Promise<void> {
  await refusePackaged(binaries);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pgvector-'));
  try {
    context.print('Fetching pgvector ...');
    const source = await fetchPgvectorSource(context, inspectSystem(), folder, options);
    context.print('Installing the compiler and the PostgreSQL headers for it (about a minute) ...');
    await installPackages(context, [`postgresql-server-dev-${binaries.major}`, 'make', 'gcc', 'libc6-dev']);
    context.print('Building it (about half a minute) ...');
    const settings = [
      `PG_CONFIG=${join(binaries.binDir, 'pg_config')}`,
      // The default, -march=native, would break on a machine image that moves to an older processor. The distance
      // functions lose nothing: the compiler makes a second version of them that is chosen at run time.
      'OPTFLAGS=',
      // No bitcode for PostgreSQL's just-in-time compiler: C functions gain nothing from it that is worth the time.
      'with_llvm=no',
    ];
    const built = join(folder, 'built');
    const make = (...targets: string[]) =>
      run('make', ['-C', source, ...settings, ...targets], {
        log: join(context.logDir, 'pgvector.log'),
        failure: 'pgvector could not be built.',
      });
    await make();
    await make('install', `DESTDIR=${built}`);
    replaceFiles(built, '/');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
