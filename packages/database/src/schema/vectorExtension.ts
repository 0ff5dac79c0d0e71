import { MillraceError } from '@millrace/contracts';

/** The oldest pgvector that has what Millrace uses: iterative scans. */
export const oldestVector = '0.8.0';

/**
 * The oldest pgvector that is safe here. Earlier ones overflow a buffer in parallel HNSW builds (CVE-2026-3172, mended in
 * 0.8.2), and can corrupt an HNSW index or fail when rows are inserted during a VACUUM (mended in 0.8.3 and 0.8.4).
 */
export const safeVector = '0.8.4';

/** The versions of pgvector that a database has. Null means that there is no such version. */
export interface VectorVersions {
  /** The library of the server. */
  available: string | null;
  /** The extension in the database. Its definitions stay as they are when the library is replaced. */
  installed: string | null;
}

/** The versions of pgvector. Anybody may read them. */
export const vectorVersionsQuery = `SELECT max(default_version) AS available, max(installed_version) AS installed
  FROM pg_available_extensions WHERE name = 'vector'`;

/** True when a version such as 0.8.4 is older than another. */
export function isOlder(version: string, than: string): boolean {
  const [left, right] = [version, than].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  const differing = [0, 1, 2].find((index) => left?.[index] !== right?.[index]) ?? 0;
  return (left?.[differing] ?? 0) < (right?.[differing] ?? 0);
}

/**
 * Returns a warning for a pgvector that can be used but should not be, or null.
 * @throws MillraceError SETUP_INVALID when pgvector is missing, not created in the database, or too old
 */
export function checkVectorVersions({ available, installed }: VectorVersions): string | null {
  if (available === null) {
    throw new MillraceError(
      'SETUP_INVALID',
      `The PostgreSQL server does not have the extension "vector". Install pgvector ${safeVector} or newer on the server, or let "npm run services -- up" bring up a server that has it.`,
    );
  }
  if (installed === null) {
    throw new MillraceError(
      'SETUP_INVALID',
      `The extension "vector" is not created in this database. ${migrateAdvice}`,
    );
  }
  const version = isOlder(installed, available) ? installed : available;
  if (isOlder(version, oldestVector)) {
    throw new MillraceError(
      'SETUP_INVALID',
      `The extension "vector" is version ${version}; Millrace needs ${oldestVector} or newer, and ${safeVector} to be safe. Install a newer pgvector on the server, then run "ALTER EXTENSION vector UPDATE" in this database.`,
    );
  }
  return vectorWarning({ available, installed });
}

export const migrateAdvice =
  'Run the migrations: "npm run services -- up", or "node packages/database/dist/migrate.js up".';

function vectorWarning({ available, installed }: { available: string; installed: string }): string | null {
  if (isOlder(available, safeVector)) {
    return (
      `pgvector ${available} is not safe: parallel builds of a vector index can overflow a buffer (CVE-2026-3172), and ` +
      `inserts during a VACUUM can damage the index or fail. Install pgvector ${safeVector} or newer on the server, run ` +
      '"ALTER EXTENSION vector UPDATE" in this database, and rebuild the index: "npm run millrace -- index rebuild".'
    );
  }
  return isOlder(installed, safeVector)
    ? `The server has pgvector ${available}, and this database still has the definitions of ${installed}. Run the migrations as the ` +
        'extension\'s owner, or "ALTER EXTENSION vector UPDATE". If an index was made before, rebuild it: "npm run millrace -- index rebuild".'
    : null;
}
