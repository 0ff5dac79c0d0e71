import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findPostgres, oldestMajor } from '../postgres/binaries';
import type { ServiceName } from '../servers/instance';
import { isRoot } from '../system/account';
import { type StackContext, StackError } from '../system/context';
import { candidateVersion, canInstall, inspectSystem, installPackages, whileInstalling } from './apt';
import { installPgvector, warnOfUnsafeVector } from './pgvector';

/** Makes the error for a user who is not root, or not on Debian or Ubuntu: it lists what they can do. */
function notInstalled(context: StackContext, service: ServiceName, reason: string): StackError {
  const { hasApt } = inspectSystem();
  const variable = service === 'postgres' ? 'DATABASE_URL' : 'REDIS_URL';
  const what = service === 'postgres' ? `PostgreSQL ${oldestMajor} or newer with pgvector` : 'Redis 6.2 or newer';
  const ways = [
    `  - set ${variable} to a running server, in the environment or in a file named .env`,
    '  - start a Docker engine that has the compose plugin; the server then runs in a container',
  ];
  if (hasApt && !isRoot()) {
    // Not the bootstrap script: as root it would leave files in the checkout that its owner cannot write to.
    const program = join(context.root, 'apps/cli/dist/main.js');
    ways.unshift(`  - install it (asks for your password): sudo "${process.execPath}" "${program}" services install`);
  } else if (hasApt && service === 'postgres') {
    ways.unshift(
      `  - add the apt repository of the PostgreSQL project, which has PostgreSQL ${oldestMajor} and newer for older systems too`,
    );
  } else if (!hasApt) {
    ways.unshift(`  - install ${what} with your system's package manager, and run the command again`);
  }
  return new StackError(`${reason}\nOne of these helps:\n${ways.join('\n')}`);
}

async function installPostgres(context: StackContext): Promise<void> {
  const path = context.environment.PATH;
  if (!(await findPostgres(path, undefined))) {
    context.print('Installing PostgreSQL (about half a minute) ...');
    await installPackages(context, ['postgresql']);
  }
  const binaries = await findPostgres(path, undefined);
  if (!binaries) {
    throw notInstalled(context, 'postgres', `The PostgreSQL of this system is older than ${oldestMajor}.`);
  }
  if (!binaries.hasVector) {
    await installPgvector(context, binaries);
    const installed = await findPostgres(path, binaries.major);
    if (installed) {
      warnOfUnsafeVector(context, installed);
    }
  }
}

/**
 * Installs what a private instance of the server needs. This works as root on Debian or Ubuntu.
 * @throws StackError that lists what the user can do, elsewhere
 */
export async function installServer(context: StackContext, service: ServiceName): Promise<void> {
  if (!canInstall(inspectSystem())) {
    const missing = service === 'postgres' ? 'PostgreSQL with pgvector' : 'Redis';
    throw notInstalled(context, service, `${missing} is neither configured nor installed.`);
  }
  await whileInstalling(context, async () => {
    if (service === 'postgres') {
      await installPostgres(context);
    } else {
      context.print('Installing Redis ...');
      // Debian and Ubuntu both have it under this name. It is the server alone.
      const name = (await candidateVersion(context, 'redis-server')) ? 'redis-server' : 'redis';
      await installPackages(context, [name]);
    }
  });
}

/**
 * Installs PgBouncer, which only tests need, as root on Debian or Ubuntu. Elsewhere, and when it fails, those tests are
 * skipped and say so.
 */
export async function installForTests(context: StackContext): Promise<void> {
  const isInstalled = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].some((file) => existsSync(file));
  if (isInstalled || !canInstall(inspectSystem())) {
    return;
  }
  try {
    await whileInstalling(context, async () => {
      context.print('Installing PgBouncer, which tests need ...');
      await installPackages(context, ['pgbouncer']);
    });
  } catch (error) {
    if (!(error instanceof StackError)) {
      throw error;
    }
    context.print(error.message);
  }
}
