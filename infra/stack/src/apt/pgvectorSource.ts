import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StackContext, StackError } from '../system/context';
import { run } from '../system/run';
import { aptGet, aptLog, installPackages, type System } from './apt';
import { type Archive, findArchive } from './archives';

/**
 * The version of pgvector that is built, and the sum of its file in the pools of Debian and Ubuntu. It is the tag of that
 * name of the pgvector project, as Debian's maintainers packed it. A change of it also changes docker-compose.yml.
 */
export const builtVector = {
  version: '0.8.6',
  sha256: '25c9b78cfdaa43c66788d7490246ac24e4fe1c86f19c4b60c089b723f84a4a0d',
} as const;

/** Where the source package is in the pool of a distribution, and the suites that may have a newer or an older one. */
const distributions = {
  debian: { component: 'main', newer: ['testing', 'unstable'], older: ['trixie'] },
  ubuntu: { component: 'universe', newer: ['devel'], older: [] },
} as const;

/**
 * Fetches the source of pgvector from the archive that apt is configured for, and unpacks it in a folder.
 * @param options.older whether a version that is not safe will do when no other can be fetched
 * @returns the folder of the source
 * @throws StackError when there is no such archive, or nothing can be fetched from it
 */
export async function fetchPgvectorSource(
  context: StackContext,
  system: System,
  folder: string,
  { older }: { older: boolean },
): Promise<string> {
  const distribution = system.distribution === 'ubuntu' ? 'ubuntu' : 'debian';
  const archive = await findArchive(context, system);
  if (!archive) {
    throw new StackError(`apt is not configured to fetch from an archive of ${distribution} ${system.codename}.`);
  }
  const { component, ...suites } = distributions[distribution];
  const tries = [
    () => fetchBuiltVersion(context, folder, `${archive.uri}pool/${component}/p/pgvector`),
    ...[...suites.newer, ...(older ? suites.older : [])].map(
      (suite) => () => fetchFromSuite(context, join(folder, suite), archive, `${suite} ${component}`),
    ),
  ];
  // The first error is about the version that is wanted.
  const errors: unknown[] = [];
  for (const fetch of tries) {
    try {
      return await fetch();
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}

/** Fetches exactly the known version. It is small, and no lists of packages are needed. */
async function fetchBuiltVersion(context: StackContext, folder: string, pool: string): Promise<string> {
  const file = join(folder, 'pgvector.tar.gz');
  const url = `${pool}/pgvector_${builtVector.version}.orig.tar.gz`;
  const log = aptLog(context);
  await run('/usr/lib/apt/apt-helper', ['download-file', url, file, `SHA256:${builtVector.sha256}`], {
    log,
    env: { ...context.environment },
    failure: `pgvector ${builtVector.version} cannot be fetched.`,
  });
  await run('tar', ['--extract', '--gzip', '--file', file, '--directory', folder], {
    log,
    failure: 'The source of pgvector cannot be unpacked.',
  });
  return sourceIn(folder);
}

/**
 * Fetches and unpacks the source package of a suite through apt, which checks its signature, with separate package lists.
 * The machine's apt configuration stays as it is.
 */
async function fetchFromSuite(context: StackContext, folder: string, archive: Archive, suite: string): Promise<string> {
  const list = join(folder, 'sources.list');
  const lists = join(folder, 'lists');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const signedBy = existsSync(archive.keyring) ? ` [signed-by=${archive.keyring}]` : '';
  writeFileSync(list, `deb-src${signedBy} ${archive.uri} ${suite}\n`);
  const options = [
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::lists=${lists}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Get::List-Cleanup=false',
    // Only we can enter the folder, so the download cannot run as apt's own account.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await aptGet(context, [...options, 'update'], {
    failure: `The source packages of ${suite} cannot be listed from ${archive.uri}.`,
  });
  await installPackages(context, ['dpkg-dev']);
  await aptGet(context, [...options, 'source', 'pgvector'], {
    cwd: folder,
    failure: `The source package of pgvector cannot be fetched from ${suite}.`,
  });
  return sourceIn(folder);
}

function sourceIn(folder: string): string {
  const entries = readdirSync(folder, { withFileTypes: true });
  const source = entries.find((entry) => entry.isDirectory() && entry.name.startsWith('pgvector-'));
  if (!source) {
    throw new StackError(`The source of pgvector was not unpacked in ${folder}.`);
  }
  return join(folder, source.name);
}
