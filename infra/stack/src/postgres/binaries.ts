import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { capture } from '../system/run';

/** The oldest PostgreSQL that Millrace is tested with. */
export const oldestMajor = 15;

/** One installed PostgreSQL server. */
export interface PostgresBinaries {
  readonly binDir: string;
  readonly major: number;
  /** True when the pgvector extension is installed for it. */
  readonly hasVector: boolean;
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

/** True when pgvector's control file is in the folder where this server looks for extensions. */
async function hasVector(binDir: string, major: number): Promise<boolean> {
  const config = await capture(join(binDir, 'pg_config'), ['--sharedir']);
  // Debian has pg_config in another package than the server.
  const shareDir = config.code === 0 ? config.stdout.trim() : `/usr/share/postgresql/${major}`;
  return existsSync(join(shareDir, 'extension', 'vector.control'));
}

async function inspect(binDir: string): Promise<PostgresBinaries | undefined> {
  const version = await capture(join(binDir, 'postgres'), ['--version']);
  const major = Number(/ (\d+)/.exec(version.stdout)?.[1]);
  return version.code === 0 && major >= oldestMajor
    ? { binDir, major, hasVector: await hasVector(binDir, major) }
    : undefined;
}

/**
 * Returns the best installed server: one with pgvector before one without, then the newest.
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
    .sort((a, b) => Number(b.hasVector) - Number(a.hasVector) || b.major - a.major)[0];
}
