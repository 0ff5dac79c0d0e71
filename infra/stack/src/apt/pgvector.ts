import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresBinaries } from '../postgres/binaries';
import { type StackContext, StackError } from '../system/context';
import { run } from '../system/run';
import { type Archive, aptGet, candidateVersion, findDebianArchive, inspectSystem, installPackages } from './apt';

/** The Debian release whose pgvector source is built where the distribution has no package. */
const sourceRelease = 'trixie';

/**
 * Installs pgvector for a PostgreSQL server: the distribution's package, otherwise a build of Debian's source.
 * @throws StackError when neither is possible
 */
export async function installPgvector(context: StackContext, binaries: PostgresBinaries): Promise<void> {
  const packageName = `postgresql-${binaries.major}-pgvector`;
  const version = await candidateVersion(context, packageName);
  if (version !== null && !/^0\.[0-7]\./.test(version)) {
    context.print(`Installing ${packageName} ...`);
    await installPackages(context, [packageName]);
    return;
  }
  const { distribution, codename } = inspectSystem();
  const archive = distribution === 'debian' ? await findDebianArchive(context, codename) : undefined;
  if (!archive) {
    throw new StackError(
      `apt has no package ${packageName} of version 0.8 or newer, and Millrace builds pgvector only where apt fetches ` +
        'from a Debian archive. Install pgvector for this PostgreSQL, or set DATABASE_URL to a server that has it.',
    );
  }
  await buildPgvector(context, binaries, archive);
}

/** Fetches the source package through apt, which checks its signature, then builds and installs it. */
async function buildPgvector(context: StackContext, binaries: PostgresBinaries, archive: Archive): Promise<void> {
  context.print('Installing the compiler and the PostgreSQL headers for pgvector (about a minute) ...');
  await installPackages(context, [`postgresql-server-dev-${binaries.major}`, 'dpkg-dev', 'make', 'gcc', 'libc6-dev']);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pgvector-'));
  try {
    context.print('Fetching and building pgvector (about half a minute) ...');
    const source = await fetchSource(context, folder, archive);
    const settings = [
      `PG_CONFIG=${join(binaries.binDir, 'pg_config')}`,
      // The default, -march=native, would break on a machine image that moves to an older processor. The distance
      // functions lose nothing: the compiler makes a second version of them that is chosen at run time.
      'OPTFLAGS=',
      // No bitcode for PostgreSQL's just-in-time compiler: C functions gain nothing from it that is worth the time.
      'with_llvm=no',
    ];
    const make = (...targets: string[]) =>
      run('make', ['-C', source, ...settings, ...targets], {
        log: join(context.logDir, 'pgvector.log'),
        failure: 'pgvector could not be built.',
      });
    await make();
    await make('install');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fetches and unpacks the source with separate package lists. The machine's apt configuration stays as it is. */
async function fetchSource(context: StackContext, folder: string, archive: Archive): Promise<string> {
  const list = join(folder, 'sources.list');
  const lists = join(folder, 'lists');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const signedBy = existsSync(archive.keyring) ? ` [signed-by=${archive.keyring}]` : '';
  writeFileSync(list, `deb-src${signedBy} ${archive.uri} ${sourceRelease} main\n`);
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
    failure: `The source packages of Debian ${sourceRelease} cannot be listed from ${archive.uri}.`,
  });
  await aptGet(context, [...options, 'source', 'pgvector'], {
    cwd: folder,
    failure: "Debian's source package of pgvector cannot be fetched.",
  });
  const entries = readdirSync(folder, { withFileTypes: true });
  const source = entries.find((entry) => entry.isDirectory() && entry.name.startsWith('pgvector-'));
  if (!source) {
    throw new StackError(`The source package of pgvector was not unpacked in ${folder}.`);
  }
  return join(folder, source.name);
}
