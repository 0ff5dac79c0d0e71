import { basename, join } from 'node:path';
import { migrate, migrationNames, removeSchema, runMonitoring } from '@millrace/database';
import {
  addressOf,
  describeDatabase,
  ensureRoles,
  findRunningStack,
  type StackContext,
  StackError,
} from '@millrace/stack';
import type { Command } from 'commander';
import { type Cli, userPath } from '../cli';
import { backUp, restore } from '../database/backup';
import { createConfiguredDatabase, refuseWhileServicesAreConnected } from '../database/connections';
import { type OwnerAccess, withOwnerAccess } from '../database/owner';
import { describeResult } from '../database/table';
import { addSeed } from '../development/seed';
import { failUsage } from '../errors';
import { wholeNumber } from '../options';

/** Adds `db setup | migrate | rollback | roles | reset | seed | backup | restore | status`. */
export function addDb(program: Command, cli: Cli): void {
  const { context } = cli;
  const db = program.command('db').description('manages the database; docs/database/README.md');

  db.command('setup')
    .description('makes the database, its tables and its roles, each only where it is missing')
    .action(async () => {
      await createConfiguredDatabase(context);
      const work = async (owner: OwnerAccess) => {
        await runMigrations(context, owner);
        await setRoles(context, owner);
      };
      await withOwnerAccess(context, work, { keep: true });
    });

  db.command('migrate')
    .description('runs the migrations that have not run')
    .action(() => withOwnerAccess(context, (owner) => runMigrations(context, owner)));

  const rollback = db
    .command('rollback')
    .description('undoes the newest migrations, with the data in their tables and columns')
    .argument('[count]', 'how many', wholeNumber(1, 999_999), 1)
    .option('--yes', 'undoes them')
    .action((count: number, { yes }: { yes?: boolean }) =>
      withOwnerAccess(context, async (owner) => {
        const database = describeDatabase(owner.databaseUrl);
        if (!yes) {
          failUsage(
            rollback,
            `rollback undoes the newest migrations (${count}) of ${database}, data included. To do it, add --yes.`,
          );
        }
        await refuseWhileRunning(context, owner);
        sayMigrations(context, owner, 'Undid', await migrate({ ...owner, direction: 'down', count }));
      }),
    );

  db.command('roles')
    .description('makes the roles of services and searches, and shows the file that has their URLs')
    .action(() => withOwnerAccess(context, (owner) => setRoles(context, owner)));

  const reset = db
    .command('reset')
    .description('deletes every document, job and vector, and makes empty tables')
    .option('--yes', 'deletes them')
    .action(({ yes }: { yes?: boolean }) =>
      withOwnerAccess(context, async (owner) => {
        const database = describeDatabase(owner.databaseUrl);
        if (!yes) {
          failUsage(reset, `reset deletes every document, job and vector in ${database}. To do it, add --yes.`);
        }
        await refuseWhileRunning(context, owner);
        await removeSchema(owner);
        await migrate({ ...owner, direction: 'up' });
        context.print(`${database} is empty, with all ${migrationNames().length} migrations.`);
      }),
    );

  addSeed(db, cli);

  db.command('backup')
    .description("writes the whole database into a file of pg_dump's custom format")
    .argument('[file]', 'where to (by default a new file in backups/ of the state folder)')
    .action((file: string | undefined) =>
      withOwnerAccess(context, async (owner) => {
        const name = `${addressOf(owner.databaseUrl).name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.dump`;
        const target = file === undefined ? join(context.stateDir, 'backups', name) : userPath(context, file);
        const bytes = await backUp(context, owner, target);
        const size = `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
        context.print(`${target}: ${size}. Now copy BLOB_DIR: docs/database/backup.md`);
      }),
    );

  db.command('restore')
    .description('fills the database from a backup')
    .argument('<file>', 'the backup')
    .option('--yes', 'replaces all that the database holds')
    .action((file: string, { yes }: { yes?: boolean }) =>
      withOwnerAccess(context, async (owner) => {
        await refuseWhileRunning(context, owner);
        const source = userPath(context, file);
        await restore(context, owner, { file: source, replace: yes ?? false });
        context.print(`${basename(source)} is in ${describeDatabase(owner.databaseUrl)}.`);
      }),
    );

  db.command('status')
    .description('shows sizes, indexes, connections, slow statements and unfinished jobs')
    .action(() =>
      withOwnerAccess(context, async (owner) => {
        for (const result of await runMonitoring(owner)) {
          context.print(describeResult(result));
        }
      }),
    );
}

async function runMigrations(context: StackContext, owner: OwnerAccess): Promise<void> {
  sayMigrations(context, owner, 'Ran', await migrate({ ...owner, direction: 'up' }));
}

function sayMigrations(context: StackContext, owner: OwnerAccess, what: string, names: readonly string[]): void {
  const database = describeDatabase(owner.databaseUrl);
  context.print(
    names.length === 0 ? `No migration to run in ${database}.` : `${what} in ${database}: ${names.join(', ')}`,
  );
}

async function setRoles(context: StackContext, owner: OwnerAccess): Promise<void> {
  const { serviceUrl, readonlyUrl, file } = await ensureRoles(context, owner);
  context.print(`Roles: ${new URL(serviceUrl).username} for services, ${new URL(readonlyUrl).username} for searches.`);
  context.print(`Their URLs, with passwords, are in ${file}`);
}

async function refuseWhileRunning(context: StackContext, owner: OwnerAccess): Promise<void> {
  const running = await findRunningStack(context);
  if (running) {
    throw new StackError(`The stack of this checkout is running (${running.apiUrl}). Stop it first.`);
  }
  await refuseWhileServicesAreConnected(owner.databaseUrl);
}
