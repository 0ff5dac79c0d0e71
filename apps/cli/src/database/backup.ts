import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasTables, migrate } from '@millrace/database';
import { describeDatabase, run, type StackContext, StackError } from '@millrace/stack';
import { connectionOf, findClientPrograms, pathOf } from './clientPrograms';
import type { OwnerAccess } from './owner';
import { restoreInOneTransaction } from './restore';

/** Owners and rights belong to the server. `db roles` makes them again where the backup is restored. */
const contentOnly = ['--no-owner', '--no-privileges', '--no-comments'];

/**
 * Writes the whole database, as it is at one moment, into a file of pg_dump's custom format. Work can go on. Only the
 * owner of the file can read it. The file gets its name when it is complete.
 * @returns its size in bytes
 * @throws StackError when the file exists, or pg_dump fails
 */
export async function backUp(context: StackContext, owner: OwnerAccess, file: string): Promise<number> {
  if (existsSync(file)) {
    throw new StackError(`${file} exists. A backup is never written over.`);
  }
  const programs = await findClientPrograms(context, owner.databaseUrl);
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.unfinished`;
  const { args, env } = connectionOf(context, owner.databaseUrl);
  try {
    writeFileSync(unfinished, '', { mode: 0o600 });
    await run(pathOf(programs, 'pg_dump'), [...args, '--format=custom', ...contentOnly, `--file=${unfinished}`], {
      log: join(context.logDir, 'pg_dump.log'),
      env,
      failure: 'The database could not be backed up.',
    });
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return statSync(file).size;
}

/**
 * Fills the database from a backup, then runs the migrations that are newer than the backup. When the restore fails,
 * the database is unchanged.
 * @param options.replace what the database holds is deleted
 * @throws StackError when the file is missing or damaged, or the database is not empty and must not be replaced
 */
export async function restore(
  context: StackContext,
  owner: OwnerAccess,
  { file, replace }: { file: string; replace: boolean },
): Promise<void> {
  if (!existsSync(file)) {
    throw new StackError(`There is no file ${file}.`);
  }
  const isEmpty = !(await hasTables(owner));
  if (!isEmpty && !replace) {
    const database = describeDatabase(owner.databaseUrl);
    throw new StackError(`${database} is not empty. To replace all its content with the backup, add --yes.`);
  }
  const programs = await findClientPrograms(context, owner.databaseUrl, { writes: true });
  // Reads the file to its end first, so that a damaged one is found before hours of work.
  await run(pathOf(programs, 'pg_restore'), ['--file=/dev/null', file], {
    log: join(context.logDir, 'pg_restore.log'),
    env: { PATH: context.environment.PATH },
    failure: `${file} is not a complete backup.`,
  });
  await restoreInOneTransaction(context, programs, owner.databaseUrl, {
    file,
    options: contentOnly,
    replace: !isEmpty,
  });
  await migrate({ ...owner, direction: 'up' });
}
