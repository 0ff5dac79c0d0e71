import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type StackContext, StackError } from '../context';
import { findPostgres, oldestMajor } from '../postgres/binaries';
import { installPgvector } from '../postgres/pgvector';
import { isRoot } from '../processes/account';
import type { ServiceName } from '../services/serviceState';
import { candidateVersion, canInstall, inspectSystem, installPackages, whileInstalling } from './apt';

/** What a user can do who is not root, or not on Debian or Ubuntu. */
function adviceFor(context: StackContext, service: ServiceName, reason: string): StackError {
  const system = inspectSystem();
  const variable = service === 'postgres' ? 'DATABASE_URL' : 'REDIS_URL';
  const what = service === 'postgres' ? `PostgreSQL ${oldestMajor} or newer with pgvector` : 'Redis 6.2 or newer';
  const ways = [
    `  - set ${variable} to a server that runs already, in the environment or in a file named .env`,
    '  - start a Docker engine (with the compose plugin); the service then runs in a container',
  ];
  if (system.hasApt && !isRoot()) {
    // Not the bootstrap: as root it would leave files in the checkout that its owner could not write to.
    const program = join(context.root, 'infra/stack/dist/main.js');
    ways.unshift(`  - install it (asks for your password): sudo "${process.execPath}" "${program}" services install`);
  } else if (!system.hasApt) {
    ways.unshift(`  - install ${what} with your system's package manager; it is found by itself then`);
  }
  return new StackError(`${reason}\nOne of these helps:\n${ways.join('\n')}`);
}

async function installPostgres(context: StackContext): Promise<void> {
  const path = context.environment.PATH;
  if (!(await findPostgres(path, undefined))) {
    context.say('Installing PostgreSQL (about half a minute) ...');
    await installPackages(context, ['postgresql']);
  }
  const binaries = await findPostgres(path, undefined);
  if (!binaries) {
    throw adviceFor(context, 'postgres', `This system's PostgreSQL is older than ${oldestMajor}.`);
  }
  if (!binaries.hasVector) {
    await installPgvector(context, binaries);
  }
}

/**
 * Installs what a private instance of the service needs: as root, on Debian or Ubuntu.
 * @throws StackError with what the user can do, where that is not so
 */
export async function installService(context: StackContext, service: ServiceName): Promise<void> {
  if (!canInstall(inspectSystem())) {
    const missing = service === 'postgres' ? 'PostgreSQL with pgvector' : 'Redis';
    throw adviceFor(context, service, `${missing} is neither configured nor installed here.`);
  }
  await whileInstalling(context, async () => {
    if (service === 'postgres') {
      await installPostgres(context);
    } else {
      context.say('Installing Redis ...');
      // Ubuntu and Debian both have it under this name; only the server, not the daemon's start.
      const name = (await candidateVersion(context, 'redis-server')) ? 'redis-server' : 'redis';
      await installPackages(context, [name]);
    }
  });
}

/**
 * Installs what only tests need and this system lacks: as root, on Debian or Ubuntu. Elsewhere, and where it fails, those
 * tests say that they are left out.
 */
export async function installForTests(context: StackContext): Promise<void> {
  const isThere = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].some((file) => existsSync(file));
  if (isThere || !canInstall(inspectSystem())) {
    return;
  }
  try {
    await whileInstalling(context, async () => {
      context.say('Installing PgBouncer, which tests need ...');
      await installPackages(context, ['pgbouncer']);
    });
  } catch (error) {
    if (!(error instanceof StackError)) {
      throw error;
    }
    context.say(error.message);
  }
}
