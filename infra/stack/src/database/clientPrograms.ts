import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { tlsSettings } from '@millrace/database';
import { type StackContext, StackError } from '../context';
import { writeAtomically } from '../files';
import { probePostgres } from '../postgres/probe';
import { capture } from '../processes/run';

const programs = ['pg_dump', 'pg_restore', 'psql'] as const;
type Program = (typeof programs)[number];

/** PostgreSQL's client programs of one version. */
export interface ClientPrograms {
  /** Where they lie. */
  folder: string;
  major: number;
}

/** What a client of this version says to every server, and only servers of this version understand. */
const setsTransactionTimeout = 17;

const timeoutMs = 10_000;

/**
 * Finds the client programs that suit the server of a URL.
 * @param writes they are to change the database
 * @throws StackError when none is installed, or none that suits
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
  const whole = [...versioned, ...onPath].filter((folder) =>
    programs.every((program) => existsSync(join(folder, program))),
  );
  const installed = await Promise.all(
    whole.map(async (folder) => {
      const { stdout } = await capture(join(folder, 'pg_dump'), ['--version'], { env: { PATH } });
      return { folder, major: Number(/ (\d+)/.exec(stdout)?.[1] ?? 0) };
    }),
  );
  const server = await probePostgres(databaseUrl, timeoutMs);
  return chooseClientPrograms(installed, server.major, { writes });
}

/**
 * Those of the server's version, else of the next newer one, else the newest. From version 17 on they set a parameter that
 * older servers refuse, so that such a server can be read with them and not written.
 * @throws StackError when there are none, or none that suits
 */
export function chooseClientPrograms(
  installed: readonly ClientPrograms[],
  serverMajor: number,
  { writes }: { writes: boolean },
): ClientPrograms {
  const sorted = [...installed].sort((a, b) => a.major - b.major);
  const chosen = sorted.find(({ major }) => major >= serverMajor) ?? sorted.at(-1);
  const how = `Install those of version ${serverMajor} (Debian, Ubuntu: apt-get install postgresql-client-${serverMajor}).`;
  if (!chosen) {
    throw new StackError(`PostgreSQL's client programs (${programs.join(', ')}) are not installed. ${how}`);
  }
  if (writes && serverMajor < setsTransactionTimeout && chosen.major >= setsTransactionTimeout) {
    throw new StackError(
      `The server is PostgreSQL ${serverMajor}, which does not understand what pg_restore of version ${chosen.major} ` +
        `sends. ${how}`,
    );
  }
  return chosen;
}

export function pathOf({ folder }: ClientPrograms, program: Program): string {
  return join(folder, program);
}

/**
 * How one of the programs reaches a database, with TLS just as our own connections have it. The password goes through the
 * environment, so that it stands in no list of processes and no log.
 * @throws MillraceError SETUP_INVALID, as tlsSettings
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
      // Without it libpq goes on without TLS when the server says that it has none.
      PGSSLMODE: tls.mode,
      ...(password ? { PGPASSWORD: password } : {}),
      ...(caFile ? { PGSSLROOTCERT: caFile } : {}),
      ...(tls.certificateFile ? { PGSSLCERT: tls.certificateFile } : {}),
      ...(tls.keyFile ? { PGSSLKEY: tls.keyFile } : {}),
    },
  };
}

/** The CAs that Node.js knows, as a file: libpq knows none before version 16, and others after. */
function publicCas(context: StackContext): string {
  const file = join(context.stateDir, 'public-cas.pem');
  writeAtomically(file, rootCertificates.join('\n'));
  return file;
}
