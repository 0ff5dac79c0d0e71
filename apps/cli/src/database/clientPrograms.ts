import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { tlsSettings } from '@millrace/database';
import { capture, probePostgres, type StackContext, StackError, writeAtomically } from '@millrace/stack';

const programs = ['pg_dump', 'pg_restore', 'psql'] as const;
type Program = (typeof programs)[number];

/** PostgreSQL's client programs of one version. */
export interface ClientPrograms {
  folder: string;
  major: number;
}

/** From this version on the programs set transaction_timeout, which older servers refuse. */
const setsTransactionTimeout = 17;

const timeoutMs = 10_000;

/**
 * Finds the client programs that fit the server of a URL.
 * @param options.writes the programs will change the database
 * @throws StackError when none are installed, or none fit
 */
export async function findClientPrograms(
  context: StackContext,
  databaseUrl: string,
  { writes = false } = {},
): Promise<ClientPrograms> {
  const { PATH } = context.environment;
  const versioned = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((major) => join('/usr/lib/postgresql', major, 'bin'))
    : [];
  const onPath = (PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  const complete = [...versioned, ...onPath].filter((folder) =>
    programs.every((program) => existsSync(join(folder, program))),
  );
  const installed = await Promise.all(
    complete.map(async (folder) => {
      const { stdout } = await capture(join(folder, 'pg_dump'), ['--version'], { env: { PATH } });
      return { folder, major: Number(/ (\d+)/.exec(stdout)?.[1] ?? 0) };
    }),
  );
  const server = await probePostgres(databaseUrl, timeoutMs);
  return chooseClientPrograms(installed, server.major, { writes });
}

/**
 * Chooses the programs of the server's version, otherwise of the next newer one, otherwise the newest. Programs of
 * version 17 can read an older server but not write to it.
 * @throws StackError when none are installed, or none fit
 */
export function chooseClientPrograms(
  installed: readonly ClientPrograms[],
  serverMajor: number,
  { writes }: { writes: boolean },
): ClientPrograms {
  const sorted = [...installed].sort((a, b) => a.major - b.major);
  const chosen = sorted.find(({ major }) => major >= serverMajor) ?? sorted.at(-1);
  const advice = `Install those of version ${serverMajor} (Debian, Ubuntu: apt-get install postgresql-client-${serverMajor}).`;
  if (!chosen) {
    throw new StackError(`PostgreSQL's client programs (${programs.join(', ')}) are not installed. ${advice}`);
  }
  if (writes && serverMajor < setsTransactionTimeout && chosen.major >= setsTransactionTimeout) {
    throw new StackError(
      `The server is PostgreSQL ${serverMajor}, which refuses a setting that pg_restore of version ${chosen.major} sends. ` +
        advice,
    );
  }
  return chosen;
}

export function pathOf({ folder }: ClientPrograms, program: Program): string {
  return join(folder, program);
}

/**
 * Returns the arguments and the environment for a program to connect to a database, with the TLS of our own connections.
 * The password is in the environment, so that no list of processes and no log shows it.
 * @throws MillraceError SETUP_INVALID, as tlsSettings does
 */
export function connectionOf(
  context: StackContext,
  databaseUrl: string,
): { args: readonly string[]; env: NodeJS.ProcessEnv } {
  const tls = tlsSettings(databaseUrl);
  const url = new URL(tls.url);
  const password = decodeURIComponent(url.password);
  url.password = '';
  const caFile = tls.caFile ?? (tls.mode === 'verify-full' ? publicCas(context) : undefined);
  return {
    args: ['--no-password', `--dbname=${url.href}`],
    env: {
      PATH: context.environment.PATH,
      // Without it libpq connects without TLS when the server offers none.
      PGSSLMODE: tls.mode,
      ...(password ? { PGPASSWORD: password } : {}),
      ...(caFile ? { PGSSLROOTCERT: caFile } : {}),
      ...(tls.certificateFile ? { PGSSLCERT: tls.certificateFile } : {}),
      ...(tls.keyFile ? { PGSSLKEY: tls.keyFile } : {}),
    },
  };
}

/** Writes the CAs of Node.js to a file. libpq has none before version 16, and others after it. */
function publicCas(context: StackContext): string {
  const file = join(context.stateDir, 'public-cas.pem');
  writeAtomically(file, rootCertificates.join('\n'));
  return file;
}
