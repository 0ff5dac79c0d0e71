import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptGet, candidateVersion, inspectSystem, installPackages, readAptSources } from '../apt/apt';
import { type AptSource, findMainArchive } from '../apt/aptSources';
import { type StackContext, StackError } from '../context';
import { run } from '../processes/run';
import type { PostgresBinaries } from './binaries';

/** The Debian release whose pgvector source is built where the distribution has no package of it. */
const sourceRelease = 'trixie';

/** Installs pgvector for a PostgreSQL server: the distribution's package, else built from Debian's source. */
export async function installPgvector(context: StackContext, binaries: PostgresBinaries): Promise<void> {
  const packaged = `postgresql-${binaries.major}-pgvector`;
  const version = await candidateVersion(context, packaged);
  if (version !== null && !/^0\.[0-7]\./.test(version)) {
    context.say(`Installing ${packaged} ...`);
    await installPackages(context, [packaged]);
    return;
  }
  const system = inspectSystem();
  const archive = findMainArchive(readAptSources(), system.codename);
  if (system.distribution !== 'debian' || !archive) {
    throw new StackError(
      `apt knows no package ${packaged} of version 0.8 or newer, and its source is built only where apt fetches from a Debian archive. ` +
        'Install the pgvector extension for this PostgreSQL yourself, or set DATABASE_URL to a server that has it.',
    );
  }
  await buildPgvector(context, binaries, archive);
}

/** Fetches the source package through apt, which checks its signature, builds and installs it. */
async function buildPgvector(context: StackContext, binaries: PostgresBinaries, archive: AptSource): Promise<void> {
  context.say('Installing what building pgvector needs (compiler and PostgreSQL headers, about a minute) ...');
  await installPackages(context, [`postgresql-server-dev-${binaries.major}`, 'dpkg-dev', 'make', 'gcc', 'libc6-dev']);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pgvector-'));
  try {
    context.say('Fetching and building pgvector (about half a minute) ...');
    const source = await fetchSource(context, folder, archive);
    const make = (...targets: string[]) =>
      run(
        'make',
        [
          '-C',
          source,
          `PG_CONFIG=${join(binaries.binDir, 'pg_config')}`,
          // The default, -march=native, would break on a machine image that moves to an older processor. The
          // distance functions lose nothing: the compiler makes a second version of them that is chosen at run time.
          'OPTFLAGS=',
          // No bitcode for PostgreSQL's just-in-time compiler: functions in C gain nothing worth the time.
          'with_llvm=no',
          ...targets,
        ],
        { log: join(context.logDir, 'pgvector.log'), failure: 'pgvector could not be built.' },
      );
    await make();
    await make('install');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fetches and unpacks the source with lists of its own, so that the machine's apt configuration stays as it is. */
async function fetchSource(context: StackContext, folder: string, archive: AptSource): Promise<string> {
  const list = join(folder, 'sources.list');
  const lists = join(folder, 'lists');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const signedBy = archive.signedBy && existsSync(archive.signedBy) ? ` [signed-by=${archive.signedBy}]` : '';
  writeFileSync(list, `deb-src${signedBy} ${archive.uri} ${sourceRelease} main\n`);
  const privately = [
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::lists=${lists}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Get::List-Cleanup=false',
    // The folder is ours alone, so the download cannot run as apt's own account.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await aptGet(context, [...privately, 'update'], {
    failure: `The source packages of Debian ${sourceRelease} cannot be listed from ${archive.uri}.`,
  });
  await aptGet(context, [...privately, 'source', 'pgvector'], {
    cwd: folder,
    failure: "Debian's source package of pgvector cannot be fetched.",
  });
  const unpacked = readdirSync(folder, { withFileTypes: true }).find(
    (entry) => entry.isDirectory() && entry.name.startsWith('pgvector-'),
  );
  if (!unpacked) {
    throw new StackError(`The source package of pgvector was not unpacked in ${folder}.`);
  }
  return join(folder, unpacked.name);
}
