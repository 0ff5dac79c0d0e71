import { basename, join, resolve } from 'node:path';
import { migrate, migrationNames, removeSchema, runMonitoring } from '@millrace/database';
import { type StackContext, StackError } from '../context';
import { backUp, restore } from '../database/backup';
import { createGivenDatabase } from '../database/create';
import { type OwnerOptions, withOwner } from '../database/owner';
import { describePlace, placeOf } from '../database/place';
import { ensureRoles } from '../database/roles';
import { refuseWhileServicesAreConnected } from '../database/services';
import { describeResult } from '../database/table';
import { findRunningStack } from '../services/runningStack';
import { seedCommand } from './seed';
import { UsageError } from './usage';

type Action = (context: StackContext, owner: OwnerOptions, args: readonly string[]) => Promise<void>;

const confirmation = '--yes';

const actions: Record<string, Action> = {
  setup: async (context, owner, args) => {
    await runMigrations(context, owner, args);
    await setRoles(context, owner, args);
  },
  migrate: runMigrations,
  rollback: async (context, owner, args) => {
    const [count = '1', ...rest] = args[0] === confirmation ? ['1', ...args] : args;
    if (!/^[1-9]\d*$/.test(count)) {
      throw new UsageError(`rollback takes how many migrations to undo, not ${count}.`);
    }
    const what = `rollback undoes the newest migrations (${count}) of ${describePlace(owner.databaseUrl)}, data included`;
    takeConfirmation(rest, what);
    await refuseWhileRunning(context, owner);
    say(context, owner, 'Undid', await migrate({ ...owner, direction: 'down', count: Number(count) }));
  },
  roles: setRoles,
  reset: async (context, owner, args) => {
    takeConfirmation(args, `reset deletes every document, job and vector in ${describePlace(owner.databaseUrl)}`);
    await refuseWhileRunning(context, owner);
    await removeSchema(owner);
    await migrate({ ...owner, direction: 'up' });
    context.say(`${describePlace(owner.databaseUrl)} is empty, with all ${migrationNames().length} migrations.`);
  },
  backup: async (context, owner, args) => {
    const [file, ...rest] = args;
    takeNone(rest);
    const name = `${placeOf(owner.databaseUrl).name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.dump`;
    const target = file === undefined ? join(context.stateDir, 'backups', name) : userPath(context, file);
    const bytes = await backUp(context, owner, target);
    context.say(`${target}: ${(bytes / 1024 / 1024).toFixed(1)} MiB. Copy BLOB_DIR after it: docs/database/backup.md`);
  },
  restore: async (context, owner, args) => {
    const [file, ...rest] = args;
    if (file === undefined || file.startsWith('-') || rest.some((arg) => arg !== confirmation)) {
      throw new UsageError('restore takes the file of a backup, and --yes where the database is not empty.');
    }
    await refuseWhileRunning(context, owner);
    const source = userPath(context, file);
    await restore(context, owner, source, rest.includes(confirmation));
    context.say(`${basename(source)} is in ${describePlace(owner.databaseUrl)}.`);
  },
  status: async (context, owner, args) => {
    takeNone(args);
    for (const result of await runMonitoring(owner)) {
      context.say(describeResult(result));
    }
  },
};

/** `db ACTION [arguments]`: everything about the database that is no service's work. Returns the exit code. */
export async function dbCommand(context: StackContext, args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === 'seed') {
    takeNone(rest);
    return seedCommand(context);
  }
  const action = name === undefined || !Object.hasOwn(actions, name) ? undefined : actions[name];
  if (!action) {
    throw new UsageError(name === undefined ? 'db needs an action.' : `Unknown action: ${name}`);
  }
  if (name === 'setup') {
    await createGivenDatabase(context);
  }
  await withOwner(context, (owner) => action(context, owner, rest), { keep: name === 'setup' });
  return 0;
}

async function runMigrations(context: StackContext, owner: OwnerOptions, args: readonly string[]): Promise<void> {
  takeNone(args);
  say(context, owner, 'Ran', await migrate({ ...owner, direction: 'up' }));
}

async function setRoles(context: StackContext, owner: OwnerOptions, args: readonly string[]): Promise<void> {
  takeNone(args);
  const { serviceUrl, readonlyUrl, file } = await ensureRoles(context, owner);
  context.say(`Roles: ${new URL(serviceUrl).username} for services, ${new URL(readonlyUrl).username} for searches.`);
  context.say(`Their URLs, with passwords, are in ${file}`);
}

function say(context: StackContext, owner: OwnerOptions, what: string, names: readonly string[]): void {
  const place = describePlace(owner.databaseUrl);
  context.say(names.length === 0 ? `No migration to run in ${place}.` : `${what} in ${place}: ${names.join(', ')}`);
}

/** npm runs scripts in the checkout; INIT_CWD is where the user typed the command. */
function userPath(context: StackContext, file: string): string {
  return resolve(context.environment.INIT_CWD || process.cwd(), file);
}

function takeNone(args: readonly string[]): void {
  if (args.length > 0) {
    throw new UsageError(`Unknown argument: ${args[0]}`);
  }
}

function takeConfirmation(args: readonly string[], consequence: string): void {
  takeNone(args.filter((arg) => arg !== confirmation));
  if (!args.includes(confirmation)) {
    throw new UsageError(`${consequence}. To do it, add ${confirmation}.`);
  }
}

async function refuseWhileRunning(context: StackContext, owner: OwnerOptions): Promise<void> {
  const running = await findRunningStack(context);
  if (running) {
    throw new StackError(`The stack of this checkout is running (${running.apiUrl}). Stop it first.`);
  }
  await refuseWhileServicesAreConnected(owner.databaseUrl);
}
