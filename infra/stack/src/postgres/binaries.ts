import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isOlder, oldestVector, safeVector } from '@millrace/database';
import { capture } from '../system/run';

/** The oldest PostgreSQL that Millrace is tested with. */
export const oldestMajor = 15;

/** One installed PostgreSQL server. */
export interface PostgresBinaries {
  readonly binDir: string;
  readonly major: number;
  /** True when a pgvector extension is installed for it that Millrace can use. */
  readonly hasVector: boolean;
  /** The version of pgvector that is installed for it. */
  readonly vectorVersion: string | undefined;
}

/** Returns the folders that hold PostgreSQL's server programs. Most systems do not have them on the PATH. */
function candidateFolders(path: string | undefined): string[] {
  const versioned = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt', '/usr']
    .filter((base) => existsSync(base))
    .flatMap((base) =>
      readdirSync(base)
        .filter((name) => /^(\d+|postgresql@\d+|pgsql-\d+)$/.test(name))
        .map((name) => join(base, name, 'bin')),
    );
  const onPath = (path ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  return [...new Set([...versioned, ...onPath, '/usr/local/pgsql/bin'])].filter(
    (folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')),
  );
}

/** Reads the version in pgvector's control file, in the folder where this server looks for extensions. */
async function findVector(binDir: string, major: number): Promise<string | undefined> {
  const config = await capture(join(binDir, 'pg_config'), ['--sharedir']);
  // Debian has pg_config in another package than the server.
  const shareDir = config.code === 0 ? config.stdout.trim() : `/usr/share/postgresql/${major}`;
  const file = join(shareDir, 'extension', 'vector.control');
  return existsSync(file) ? /default_version = '([^']+)'/.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
}

async function inspect(binDir: string): Promise<PostgresBinaries | undefined> {
  const version = await capture(join(binDir, 'postgres'), ['--version']);
  const major = Number(/ (\d+)/.exec(version.stdout)?.[1]);
  if (version.code !== 0 || !(major >= oldestMajor)) {
    return undefined;
  }
  const vectorVersion = await findVector(binDir, major);
  const hasVector = vectorVersion !== undefined && !isOlder(vectorVersion, oldestVector);
  return { binDir, major, vectorVersion, hasVector };
}

/**
 * Returns the best installed server: one with a safe pgvector, then one with another that can be used, then the newest.
 * @param major the only version to return, when existing data was made by it
 */
export async function findPostgres(
  path: string | undefined,
  major: number | undefined,
): Promise<PostgresBinaries | undefined> {
  const found = await Promise.all(candidateFolders(path).map(inspect));
  return found
    .filter((candidate) => candidate !== undefined)
    .filter((candidate) => major === undefined || candidate.major === major)
    .sort((a, b) => rank(b) - rank(a) || b.major - a.major)[0];
}

function rank({ hasVector, vectorVersion }: PostgresBinaries): number {
  return Number(hasVector) + Number(vectorVersion !== undefined && !isOlder(vectorVersion, safeVector));
}
