import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasTables, migrate, removeSchema } from '@millrace/database';
import { type StackContext, StackError } from '../context';
import { runClient } from './clientPrograms';
import type { OwnerOptions } from './owner';

/**
 * Writes the whole database into a file of pg_dump's custom format, readable by its owner alone: one moment, while work
 * goes on. The file gets its name once it is whole. @returns its size in bytes.
 */
export async function backUp(context: StackContext, owner: OwnerOptions, file: string): Promise<number> {
  if (existsSync(file)) {
    throw new StackError(`${file} is there already; a backup is never written over.`);
  }
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.unfinished`;
  try {
    writeFileSync(unfinished, '', { mode: 0o600 });
    // Owners and rights are the server's: "db restore" makes them anew where the backup goes.
    const args = ['--format=custom', '--no-owner', '--no-privileges', '--no-comments', `--file=${unfinished}`];
    const failure = 'The database could not be backed up.';
    await runClient(context, 'pg_dump', args, { databaseUrl: owner.databaseUrl, failure });
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return statSync(file).size;
}

/**
 * Fills the database from a backup, whole or not at all, then runs the migrations that are newer than it.
 * @param replace what the database holds is deleted first
 */
export async function restore(
  context: StackContext,
  owner: OwnerOptions,
  file: string,
  replace: boolean,
): Promise<void> {
  if (!existsSync(file)) {
    throw new StackError(`There is no file ${file}.`);
  }
  const isEmpty = !(await hasTables(owner));
  if (!isEmpty && !replace) {
    throw new StackError('The database is not empty. To replace all it holds by the backup, add --yes.');
  }
  // Read to its end before anything is deleted: a file that was cut off is found out now.
  await runClient(context, 'pg_restore', ['--file=/dev/null', file], { failure: `${file} is not a whole backup.` });
  if (!isEmpty) {
    await removeSchema(owner);
  }
  const args = ['--single-transaction', '--exit-on-error', '--no-owner', '--no-privileges', '--no-comments', file];
  const failure = 'The backup could not be restored; the database is empty.';
  await runClient(context, 'pg_restore', args, { databaseUrl: owner.databaseUrl, failure });
  await migrate({ ...owner, direction: 'up' });
}
