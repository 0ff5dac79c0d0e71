import {
  ensureServices,
  ensureStaticTable,
  findPostgres,
  inspectServices,
  installServer,
  renewPgvector,
  resetServices,
  type StackContext,
  stopServices,
} from '@millrace/stack';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { exitCodes } from '../errors';

/** Adds `services up | down | reset | status | install`. */
export function addServices(program: Command, cli: Cli): void {
  const { context } = cli;
  const services = program.command('services').description('starts and stops PostgreSQL and Redis alone');

  services
    .command('up')
    .description('starts them, and keeps them running')
    .action(async () => {
      await ensureServices(context, { keep: true });
      await ensureStaticTable(context);
      await printStatus(cli, false);
    });

  services
    .command('down')
    .description('stops what this checkout has started; the data stays')
    .action(async () => {
      const stopped = await stopServices(context);
      context.print(
        stopped.length > 0 ? `Stopped: ${stopped.join(', ')}. The data stays.` : 'Nothing was started here.',
      );
    });

  services
    .command('reset')
    .description('stops them and deletes all data of this checkout')
    .action(async () => {
      await resetServices(context);
      context.print('Stopped and deleted: the database, the queues and the uploaded files of this checkout.');
    });

  services
    .command('status')
    .description('shows what they are and whether they answer; the exit code is 1 when one does not')
    .option('--urls', 'prints their addresses, with passwords, as variables for a shell')
    .action(({ urls }: { urls?: boolean }) => printStatus(cli, urls ?? false));

  services
    .command('install')
    .description('installs their packages and starts nothing; needs root, on Debian')
    // Root runs this in the checkout of another user, so the log lies where root's files belong.
    .action(() => install({ ...context, logDir: '/var/log/millrace' }));
}

async function printStatus(cli: Cli, urls: boolean): Promise<void> {
  const statuses = await inspectServices(cli.context);
  for (const { service, url, text } of statuses) {
    if (!urls) {
      cli.context.print(`${service}: ${text}`);
    } else if (url !== undefined) {
      // Quoted for `eval`, since a URL may contain an ampersand.
      const quoted = `'${url.replaceAll("'", "'\\''")}'`;
      cli.context.print(`${service === 'postgres' ? 'DATABASE_URL' : 'REDIS_URL'}=${quoted}`);
    }
  }
  if (!statuses.every(({ answers }) => answers)) {
    cli.exitCode = exitCodes.failure;
  }
}

async function install(context: StackContext): Promise<void> {
  const postgres = await findPostgres(context.environment.PATH, undefined);
  if (postgres?.hasVector) {
    await renewPgvector(context, postgres, { retry: true });
  } else {
    await installServer(context, 'postgres');
  }
  await installServer(context, 'redis');
  context.print('Installed. Now run as yourself: npm run services -- up');
}
