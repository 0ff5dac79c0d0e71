import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type StackContext, StackError } from '../context';
import { capture, run } from '../run';

type Program = 'pg_dump' | 'pg_restore';

/** The newest one installed: it understands every older server and dump. */
async function find(context: StackContext, program: Program): Promise<string> {
  const versioned = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((major) => join('/usr/lib/postgresql', major, 'bin'))
    : [];
  const onPath = (context.environment.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  const files = [...versioned, ...onPath].map((folder) => join(folder, program)).filter((file) => existsSync(file));
  const found = await Promise.all(
    files.map(async (file) => {
      const { stdout } = await capture(file, ['--version'], { env: { PATH: context.environment.PATH } });
      return { file, major: Number(/ (\d+)/.exec(stdout)?.[1] ?? 0) };
    }),
  );
  const [best] = found.sort((a, b) => b.major - a.major);
  if (!best) {
    throw new StackError(
      `${program} is not installed. Install PostgreSQL's client programs (Debian, Ubuntu: apt-get install ` +
        'postgresql-client), of the version of the server or newer.',
    );
  }
  return best.file;
}

/**
 * Runs one of PostgreSQL's programs, on a database where one is given. Its password goes through the environment, so
 * that it stands in no list of processes and no log.
 * @throws StackError with what the program said
 */
export async function runClient(
  context: StackContext,
  program: Program,
  args: readonly string[],
  options: { databaseUrl?: string; failure: string },
): Promise<void> {
  const { url, password } = splitPassword(options.databaseUrl);
  const caFile = context.environment.DATABASE_CA_FILE;
  await run(await find(context, program), [...(url ? ['--no-password', `--dbname=${url}`] : []), ...args], {
    log: join(context.logDir, `${program}.log`),
    env: {
      PATH: context.environment.PATH,
      ...(password ? { PGPASSWORD: password } : {}),
      ...(caFile ? { PGSSLROOTCERT: caFile } : {}),
    },
    failure: options.failure,
  });
}

function splitPassword(databaseUrl: string | undefined): { url?: string; password?: string } {
  if (databaseUrl === undefined) {
    return {};
  }
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  return { url: url.href, password };
}
